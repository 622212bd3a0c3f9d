"""Results as files: tables, spectra, maps, workbooks."""
