/** Old datums, which lie elsewhere than WGS 84: the systems on them, and what leads from them to it. Source: EPSG dataset, methods 9603 and 9606. */

export type Datum = {
  readonly name: string;
  /** Metres, seconds of arc and parts per million of the move to WGS 84 (`+towgs84`, position vector); absent where only a grid of shifts leads there. */
  readonly shift?: string;
  /** Metres. */
  readonly accuracy: number;
};

// Name, metres, parameters, geographic and projected systems.
type Row = readonly [name: string, accuracy: number, shift: string, codes: string];

const rows: readonly Row[] = [
  ['OSGB36', 2, '446.448,-125.157,542.06,0.15,0.247,0.842,-20.489', '4277,27700'],
  ['Amersfoort', 1, '565.7381,50.4018,465.2904,-0.395026,0.330772,-1.876073,4.07244', '4289,28991-28992'],
  ['DHDN', 3, '598.1,73.7,418.2,0.202,0.045,-2.455,6.7', '4314,3068,5520,5676-5680,31466-31469'],
  ['MGI', 2, '577.326,90.129,463.919,5.137,1.474,5.297,2.4232', '4312,9271-9273,31254-31259,31284-31287'],
  ['BD72', 1, '-106.8686,52.2978,-103.7239,0.3366,-0.457,1.8422,-1.2747', '4313,31300,31370'],
  ['CH1903', 2, '674.374,15.056,405.346', '4149,21781-21782'],
  ['CH1903+', 1, '674.374,15.056,405.346', '4150,2056'],
  ['NTF', 2, '-168,-60,320', '4275,4807,27561-27564,27571-27574'],
  ['S-JTSK', 1, '570.8,85.7,462.8,4.998,1.587,5.261,3.56', '4156,5513-5514'],
  ['TM65', 1, '482.5,-130.6,564.6,-1.042,-0.214,-0.631,8.15', '4299,29902'],
  ['TM75', 1, '482.5,-130.6,564.6,-1.042,-0.214,-0.631,8.15', '4300,29903'],
  ['GGRS87', 1, '-199.87,74.79,246.62', '4121,2100'],
  ['RT90', 1, '414.1,41.3,603.1,-0.855,2.141,-7.023,0', '4124,3019-3024'],
  ['HD72', 1, '52.17,-71.82,-14.9', '4237,23700'],
  ['ED50', 10, '-87,-98,-121', '4230,2206-2212,2319-2325,3066,3893,23028-23038,23090,23095'],
  ['AGD66', 5, '-127.8,-52.3,152.9', '4202,20249-20258'],
  ['AGD84', 5, '-128.5,-53,153.4', '4203,20349-20356'],
  [
    'NZGD49',
    4,
    '59.47,-5.04,187.44,0.47,-0.1,1.024,-4.5993',
    '4272,27200,27205-27232,27258-27260,27291-27292',
  ],
  ['Tokyo', 9, '-146.414,507.337,680.507', '4301,30161-30179'],
  ['WGS 72', 2, '0,0,4.5,0,0,0.554,0.2263', '4322,32201-32260,32301-32360'],
  ['VN-2000', 1, '-192.873,-39.382,-111.202,-0.00205,-0.0005,0.00335,0.0188', '4756,3405-3406,5896-5899'],
  ['Israel 1993', 1, '23.772,17.49,17.859,-0.3132,-1.85274,1.67299,-5.4262', '4141,2039'],
  [
    'NAD27',
    0,
    '',
    '4267,2204,2964,3069,3080,3309,3370-3371,3771-3773,3795-3797,3800,4399-4413,4418-4419,4455-4456,5069,5588,5623-5625,6201-6202,6966,7991,9311,26701-26722,26729-26799,32001-32058,32064-32067,32081-32086,32098-32099',
  ],
  ['Monte Mario', 0, '', '4265,4806,3003-3004,5659'],
  ['Pulkovo 1942', 0, '', '4284,2494-2641,2935-2941,3350-3352,3388-3389,7825-7831,28404-28432'],
  ['Pulkovo 1995', 0, '', '4200,2463-2491,2642-2758,3390,20004-20032'],
  ['Beijing 1954', 0, '', '4214,2401-2442,21413-21423,21453-21463'],
  ['Xian 1980', 0, '', '4610,2327-2390'],
];

const byCode: ReadonlyMap<number, Datum> = new Map(
  rows.flatMap(([name, accuracy, shift, codes]) => {
    const datum: Datum = { name, accuracy, ...(shift === '' ? {} : { shift }) };
    return codesOf(codes).map((code) => [code, datum] as const);
  }),
);

function codesOf(text: string): number[] {
  return text.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number) as [number, number?];
    return Array.from({ length: last! - first + 1 }, (_, i) => first + i);
  });
}

/** The old datum of a geographic or projected system by its EPSG code; undefined for one that is not in this table. */
export const oldDatum = (code: number): Datum | undefined => byCode.get(code);
