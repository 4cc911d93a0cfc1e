/** Indices of reflectance by name, over STAC's common names of bands. */

/** Formula and source. Reflectance from 0 to 1 where a formula has a constant. */
export const indices: { readonly [name: string]: { readonly formula: string; readonly source: string } } = {
  ndvi: { formula: '(nir - red) / (nir + red)', source: 'Rouse et al. 1974' },
  gndvi: { formula: '(nir - green) / (nir + green)', source: 'Gitelson et al. 1996' },
  evi: {
    formula: '2.5 * (nir - red) / (nir + 6 * red - 7.5 * blue + 1)',
    source: 'Huete et al. 2002',
  },
  evi2: { formula: '2.5 * (nir - red) / (nir + 2.4 * red + 1)', source: 'Jiang et al. 2008' },
  savi: { formula: '1.5 * (nir - red) / (nir + red + 0.5)', source: 'Huete 1988, L = 0.5' },
  msavi2: {
    formula: '(2 * nir + 1 - sqrt((2 * nir + 1) ** 2 - 8 * (nir - red))) / 2',
    source: 'Qi et al. 1994',
  },
  ndwi: { formula: '(green - nir) / (green + nir)', source: 'McFeeters 1996' },
  mndwi: { formula: '(green - swir16) / (green + swir16)', source: 'Xu 2006' },
  ndmi: { formula: '(nir - swir16) / (nir + swir16)', source: 'Gao 1996' },
  nbr: { formula: '(nir - swir22) / (nir + swir22)', source: 'Key and Benson 2006' },
  ndsi: { formula: '(green - swir16) / (green + swir16)', source: 'Hall et al. 1995' },
  ndbi: { formula: '(swir16 - nir) / (swir16 + nir)', source: 'Zha et al. 2003' },
};

/** What is left out by name: clouds and what else is no ground, as data providers mark it. */
export const masks: { readonly [name: string]: { readonly formula: string; readonly source: string } } = {
  // No data, saturated, cloud shadow, cloud of medium and high probability, cirrus.
  scl: { formula: 'scl in (0, 1, 3, 8, 9, 10)', source: "Sentinel-2 Level-2A's scene classification" },
  // Fill, dilated cloud, cirrus, cloud, cloud shadow.
  qa: { formula: '(qa & 31) != 0', source: 'Landsat Collection 2 QA_PIXEL, bits 0 to 4' },
  // Fill, cloud; high confidence of cloud shadow and of cirrus.
  bqa: {
    formula: '(qa & 17) != 0 || (qa >> 7) % 4 == 3 || (qa >> 11) % 4 == 3',
    source: 'Landsat Collection 1 BQA, bits 0, 4, 7 and 8, 11 and 12',
  },
};
