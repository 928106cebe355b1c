"""NextGen: realization files, hydrofabric, forcing; run folders made, checked and run.

Nothing here loads PyTorch, pandas, xarray or geopandas to run a component: GeoPackages
are read through the SQLite of the standard library, GeoJSON and NetCDF directly.
"""
