/** How what is wrong with a file is told. */

/** A rule that a file breaks: one line. */
export type Problem = string;

/** Tells one. */
export type Say = (text: string) => void;

// So many problems of a kind are told one by one.
const most = 10;

/** Tells the first few problems of a kind, and that there are more. */
export function limited(say: Say): Say {
  let told = 0;
  return (text) => {
    if (told++ < most) say(text);
    else if (told === most + 1) say('and more of the kind');
  };
}
