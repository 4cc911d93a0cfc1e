/** What names and tags of files tell of scenes, and the names that items get. */
import { expect, test } from 'vitest';
import { hrefsOf, uniqueIds } from '../geospatial/stac/names.ts';
import { namedFile, sensorOf, timeInName, timeInTag } from '../geospatial/stac/sensors.ts';

test('names tell scenes, bands, satellites and days', () => {
  const s2 = 'S2A_MSIL2A_20190723T101031_N0213_R022_T33TUL_20190723T124725';
  expect(timeInName(s2)).toBe('2019-07-23T10:10:31Z');
  expect(sensorOf(s2)).toMatchObject({ platform: 'sentinel-2a', baseline: '02.13' });
  expect(namedFile(`s3://b/${s2}/T33TUL_20190723T101031_B8A_20m.tif`)).toMatchObject({
    asset: 'B8A_20m',
    band: 'B8A',
  });
  expect(namedFile('https://h/LC09_L2SP_1_20220101_20220103_02_T1_SR_B4.TIF?sig=a/B5.tif')).toMatchObject({
    scene: 'LC09_L2SP_1_20220101_20220103_02_T1',
    asset: 'SR_B4',
    band: 'B4',
  });
  expect(namedFile('/x/20240401_NIR.tif')).toMatchObject({ scene: '20240401', asset: 'NIR', band: 'nir' });
  expect(namedFile('/x/infrared.tif')).toEqual({ folder: '/x/', scene: 'infrared' });
  expect(namedFile('/x/dem.tif')).toEqual({ folder: '/x/', scene: 'dem' });
  expect(timeInName('LC08_L2SP_013032_20180131_20200902_02_T1')).toBe('2018-01-31T00:00:00Z');
  expect(timeInName('LC80130322018031LGN00')).toBe('2018-01-31T00:00:00Z');
  expect(timeInName('S2A2A_20190723_0_B04')).toBe('2019-07-23T00:00:00Z');
  expect(timeInName('x_20190723_235960')).toBe('2019-07-23T00:00:00Z');
  expect(timeInName('tile_20191323_38077081_1985')).toBeUndefined();
  expect(timeInName('flight-2021-06-30.tif')).toBe('2021-06-30T00:00:00Z');
  expect(sensorOf('S2A2A_20190723_0')).toMatchObject({ platform: 'sentinel-2a' });
  expect(sensorOf('LT50130321985031LGN00')).toMatchObject({ platform: 'landsat-5' });
  expect(sensorOf('LT_dem')).toBeUndefined();
  expect(sensorOf('LT05_L1TP_013032_19850131')!.commonNames).toMatchObject({ B4: 'nir08' });
  expect(timeInTag('2020:02:30 10:00:00')).toBeUndefined();
  expect(timeInTag('2020-02-28T10:00:00.25+0200')).toBe('2020-02-28T08:00:00Z');
  expect(uniqueIds(['a', 'a-2', 'a', 'a', 'a b', 'a_b'])).toEqual(['a', 'a-2', 'a-3', 'a-4', 'a_b', 'a_b-2']);
  expect(hrefsOf(['/d/x/B04.tif', '/d/y/B04.tif'], '.')).toEqual(['./x/B04.tif', './y/B04.tif']);
});
