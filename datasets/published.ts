/** Well-known public datasets that the jobs can read where they lie. */

export type PublicDataset = {
  /** `<field>/<noun>`, unique. */
  readonly name: string;
  /** One line for lists. */
  readonly doc: string;
  /** One file, or with a `/` at its end the folder of many. */
  readonly uri: string;
  /** Extension of the files. */
  readonly format: string;
  /** About how large, in words. */
  readonly size: string;
  readonly licence: string;
  /** What to cite, with a DOI where there is one. */
  readonly citation: string;
  /** `public`: anyone may read without an account; `requester pays`: with an AWS account, which is billed for requests and transfer. */
  readonly access: 'public' | 'requester pays';
  /** AWS region of a bucket: reading from there is free of transfer cost. */
  readonly region?: string;
};

const noRestrictions = 'no restrictions (NIST)';
const archive = 'free and unrestricted (INSDC policy)';
const giabRelease = 'https://ftp-trace.ncbi.nlm.nih.gov/ReferenceSamples/giab/release';
const giabReads = 's3://giab/data';
const truthPaper = 'Wagner et al. 2022, Cell Genomics 2:100128, doi:10.1016/j.xgen.2022.100128';
const giabPaper = 'Zook et al. 2016, Scientific Data 3:160025, doi:10.1038/sdata.2016.25';
const platinumPaper = 'Eberle et al. 2017, Genome Research 27:157, doi:10.1101/gr.210500.116';
const copernicus =
  'free, full and open (Copernicus Sentinel legal notice); say "contains modified Copernicus Sentinel data"';
const usPublicDomain = 'US public domain';

/** Genomics first, then what is seen from above. */
export const published: readonly PublicDataset[] = [
  {
    name: 'genomics/1000-genomes-30x',
    doc: 'NA12878 of the 1000 Genomes at 30x (NYGC, GRCh38), CRAM; 3,202 people in neighbouring folders',
    uri: 's3://1000genomes/1000G_2504_high_coverage/data/ERR3239334/NA12878.final.cram',
    format: 'cram',
    size: 'about 16 GB',
    licence: 'no embargo, cite (IGSR)',
    citation: 'Byrska-Bishop et al. 2022, Cell 185:3426, doi:10.1016/j.cell.2022.08.004',
    access: 'public',
    region: 'us-east-1',
  },
  {
    name: 'genomics/1000-genomes-low-coverage',
    doc: 'HG00096 of the 1000 Genomes, phase 3, at some 4x (GRCh37), BAM; 2,504 people in neighbouring folders',
    uri: 's3://1000genomes/phase3/data/HG00096/alignment/HG00096.mapped.ILLUMINA.bwa.GBR.low_coverage.20120522.bam',
    format: 'bam',
    size: 'about 15 GB',
    licence: 'no embargo, cite (IGSR)',
    citation: '1000 Genomes Project Consortium 2015, Nature 526:68, doi:10.1038/nature15393',
    access: 'public',
    region: 'us-east-1',
  },
  {
    name: 'genomics/giab-hg001-300x',
    doc: 'Genome in a Bottle HG001 (NA12878), Illumina at 300x (GRCh38), BAM',
    uri: `${giabReads}/NA12878/NIST_NA12878_HG001_HiSeq_300x/NHGRI_Illumina300X_novoalign_bams/HG001.GRCh38_full_plus_hs38d1_analysis_set_minus_alts.300x.bam`,
    format: 'bam',
    size: 'hundreds of GB',
    licence: noRestrictions,
    citation: giabPaper,
    access: 'public',
    region: 'us-east-1',
  },
  {
    name: 'genomics/giab-hg002-60x',
    doc: 'Genome in a Bottle HG002 (Ashkenazi son), Illumina at 60x (GRCh38), BAM',
    uri: `${giabReads}/AshkenazimTrio/HG002_NA24385_son/NIST_HiSeq_HG002_Homogeneity-10953946/NHGRI_Illumina300X_AJtrio_novoalign_bams/HG002.GRCh38.60x.1.bam`,
    format: 'bam',
    size: 'over 100 GB',
    licence: noRestrictions,
    citation: giabPaper,
    access: 'public',
    region: 'us-east-1',
  },
  {
    name: 'genomics/giab-hg001-truth',
    doc: 'True small variants of HG001, v4.2.1 (GRCh38); the BED of confident regions lies beside them',
    uri: `${giabRelease}/NA12878_HG001/NISTv4.2.1/GRCh38/HG001_GRCh38_1_22_v4.2.1_benchmark.vcf.gz`,
    format: 'vcf.gz',
    size: 'about 150 MB',
    licence: noRestrictions,
    citation: truthPaper,
    access: 'public',
  },
  {
    name: 'genomics/giab-hg002-truth',
    doc: 'True small variants of HG002, v4.2.1 (GRCh38); the BED ..._benchmark_noinconsistent.bed lies beside them',
    uri: `${giabRelease}/AshkenazimTrio/HG002_NA24385_son/NISTv4.2.1/GRCh38/HG002_GRCh38_1_22_v4.2.1_benchmark.vcf.gz`,
    format: 'vcf.gz',
    size: 'about 150 MB',
    licence: noRestrictions,
    citation: truthPaper,
    access: 'public',
  },
  {
    name: 'genomics/platinum-reads',
    doc: 'Platinum Genomes NA12878 at 50x, PCR-free (GRCh37), BAM; the pedigree under ENA study PRJEB3381',
    uri: 'https://ftp.sra.ebi.ac.uk/vol1/ERA172/ERA172924/bam/NA12878_S1.bam',
    format: 'bam',
    size: 'over 100 GB',
    licence: archive,
    citation: platinumPaper,
    access: 'public',
  },
  {
    name: 'genomics/platinum-truth',
    doc: 'Variants of NA12878 that a pedigree of 17 confirms, 2017-1.0 (GRCh38), with ConfidentRegions.bed.gz one folder up',
    uri: 'https://s3.eu-central-1.amazonaws.com/platinum-genomes/2017-1.0/hg38/small_variants/NA12878/NA12878.vcf.gz',
    format: 'vcf.gz',
    size: 'hundreds of MB',
    licence: 'none stated; published for use as a benchmark, cite (Illumina)',
    citation: platinumPaper,
    access: 'public',
    region: 'eu-central-1',
  },
  {
    name: 'genomics/grch38',
    doc: 'Human reference GRCh38 without alternative contigs, the analysis set that aligners and GIAB use',
    uri: 'https://ftp.ncbi.nlm.nih.gov/genomes/all/GCA/000/001/405/GCA_000001405.15_GRCh38/seqs_for_alignment_pipelines.ucsc_ids/GCA_000001405.15_GRCh38_no_alt_analysis_set.fna.gz',
    format: 'fa.gz',
    size: 'about 0.9 GB',
    licence: archive,
    citation: 'Schneider et al. 2017, Genome Research 27:849, doi:10.1101/gr.213611.116',
    access: 'public',
  },
  {
    name: 'genomics/gnomad-v4',
    doc: 'gnomAD v4.1: allele frequencies in 76,215 genomes, chromosome 20; a file for each chromosome',
    uri: 's3://gnomad-public-us-east-1/release/4.1/vcf/genomes/gnomad.genomes.v4.1.sites.chr20.vcf.bgz',
    format: 'vcf.gz',
    size: 'some 10 GB',
    licence: 'free to use; terms at https://gnomad.broadinstitute.org/terms',
    citation: 'Chen et al. 2024, Nature 625:92, doi:10.1038/s41586-023-06045-0',
    access: 'public',
    region: 'us-east-1',
  },
  {
    name: 'genomics/clinvar',
    doc: 'ClinVar: variants and their clinical significance (GRCh38), renewed every week',
    uri: 'https://ftp.ncbi.nlm.nih.gov/pub/clinvar/vcf_GRCh38/clinvar.vcf.gz',
    format: 'vcf.gz',
    size: 'some 100 MB',
    licence: `${usPublicDomain} (NCBI)`,
    citation: 'Landrum et al. 2018, Nucleic Acids Research 46:D1062, doi:10.1093/nar/gkx1153',
    access: 'public',
  },
  {
    name: 'geospatial/sentinel-2-l2a',
    doc: 'Sentinel-2 surface reflectance as COGs, by MGRS tile and date; catalog at https://earth-search.aws.element84.com/v1',
    uri: 's3://sentinel-cogs/sentinel-s2-l2a-cogs/',
    format: 'tif',
    size: 'petabytes; a 10 m band some 200 MB',
    licence: copernicus,
    citation: 'Drusch et al. 2012, Remote Sensing of Environment 120:25, doi:10.1016/j.rse.2011.11.026',
    access: 'public',
    region: 'us-west-2',
  },
  {
    name: 'geospatial/landsat-c2',
    doc: 'Landsat Collection 2, levels 1 to 3, since 1972, as COGs; catalog at https://landsatlook.usgs.gov/stac-server',
    uri: 's3://usgs-landsat/collection02/',
    format: 'tif',
    size: 'petabytes; a band some 80 MB',
    licence: `${usPublicDomain}; a statement of the source is asked for`,
    citation: 'USGS, Landsat 8-9 Collection 2 Level-2, doi:10.5066/P9OGBGM6',
    access: 'requester pays',
    region: 'us-west-2',
  },
  {
    name: 'geospatial/3dep-ept',
    doc: 'USGS 3DEP airborne laser points as Entwine Point Tiles, a folder for each project (here the state of Iowa)',
    uri: 's3://usgs-lidar-public/IA_FullState/ept.json',
    format: 'ept',
    size: 'trillions of points in all',
    licence: usPublicDomain,
    citation: 'U.S. Geological Survey, 3D Elevation Program',
    access: 'public',
    region: 'us-west-2',
  },
  {
    name: 'geospatial/3dep-laz',
    doc: 'USGS 3DEP airborne laser points as delivered, LAZ 1.4; more projects than the tiles hold',
    uri: 's3://usgs-lidar/',
    format: 'laz',
    size: 'hundreds of TB',
    licence: usPublicDomain,
    citation: 'U.S. Geological Survey, 3D Elevation Program',
    access: 'requester pays',
    region: 'us-west-2',
  },
  {
    name: 'geospatial/copernicus-dem-30',
    doc: 'Copernicus DEM GLO-30: surface heights of the world at 30 m, COGs of one degree (here N51 E007)',
    uri: 's3://copernicus-dem-30m/Copernicus_DSM_COG_10_N51_00_E007_00_DEM/Copernicus_DSM_COG_10_N51_00_E007_00_DEM.tif',
    format: 'tif',
    size: 'about 32 MB a tile, 26,000 tiles',
    licence: 'free of charge under the Copernicus DEM licence, with its notice of DLR, Airbus and ESA',
    citation: 'European Space Agency 2024, Copernicus DEM, doi:10.5270/ESA-c5d3d65',
    access: 'public',
    region: 'eu-central-1',
  },
  {
    name: 'geospatial/ahn4',
    doc: 'AHN4: classified laser points of the Netherlands, 10 to 15 a square metre, LAZ by map sheet (here a part of 25GN1)',
    uri: 'https://geotiles.citg.tudelft.nl/AHN4_T/25GN1_01.LAZ',
    format: 'laz',
    size: 'some 200 MB a file',
    licence: 'CC0-1.0 (AHN)',
    citation: 'Rijkswaterstaat and the water boards, Actueel Hoogtebestand Nederland 4, https://www.ahn.nl',
    access: 'public',
  },
  {
    name: 'geospatial/lidar-hd',
    doc: 'IGN LiDAR HD: classified laser points of France, 10 a square metre, COPC by square kilometre (here in the Jura)',
    uri: 'https://data.geopf.fr/telechargement/download/LiDARHD-NUALID/NUALHD_1-0__LAZ_LAMB93_QK_2025-06-13/LHD_FXX_0954_6583_PTS_LAMB93_IGN69.copc.laz',
    format: 'copc.laz',
    size: 'about 75 MB a file',
    licence: 'Licence Ouverte 2.0 (Etalab)',
    citation: 'IGN, LiDAR HD, https://geoservices.ign.fr/lidarhd',
    access: 'public',
  },
  {
    name: 'geospatial/noaa-coastal-lidar',
    doc: 'NOAA coastal laser points, a folder of LAZ or COPC for each survey, and terrain models as COGs',
    uri: 's3://noaa-nos-coastal-lidar-pds/laz/geoid18/',
    format: 'laz',
    size: 'tens of TB',
    licence: 'open, attribution asked for (NOAA Open Data Dissemination)',
    citation: 'NOAA Office for Coastal Management, Coastal Lidar Data',
    access: 'public',
    region: 'us-east-1',
  },
  {
    name: 'geospatial/worldcover',
    doc: 'ESA WorldCover 2021: eleven classes of land cover at 10 m, COGs of three degrees (here N45 E009)',
    uri: 's3://esa-worldcover/v200/2021/map/ESA_WorldCover_10m_2021_v200_N45E009_Map.tif',
    format: 'tif',
    size: 'some 80 MB a tile, 117 GB in all',
    licence: 'CC-BY-4.0',
    citation: 'Zanaga et al. 2022, ESA WorldCover 10 m 2021 v200, doi:10.5281/zenodo.7254221',
    access: 'public',
    region: 'eu-central-1',
  },
];
