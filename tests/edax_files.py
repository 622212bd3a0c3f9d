"""Projects of EDAX APEX, made after what two public readers say of their layout."""

import h5py
import numpy as np

TABLE = np.dtype(
    [
        ("eVOffset", "<f4"),
        ("evPch", "<f4"),
        ("KV", "<f4"),
        ("LiveTime", "<f4"),
        ("ElevationAngle", "<f4"),
        ("NumberOfPoints", "<i4"),
        ("AtomicNumberOfPeakIds", "<i4", 3),
        ("SpectrumCounts", "<i4", 600),
    ]
)


def write_project(path, *, maps=1, shape=(5, 7)):
    """Write a project with a spectrum and some maps, all of the same counts; return those."""
    counts = np.random.default_rng(3).poisson(0.05, (*shape, 600)).astype("<i2")
    row = np.zeros(1, TABLE)
    row["eVOffset"], row["evPch"], row["KV"], row["LiveTime"] = -10, 10, 200, 33
    row["ElevationAngle"], row["NumberOfPoints"] = 20, 600
    row["AtomicNumberOfPeakIds"], row["SpectrumCounts"] = (26, 8, 0), counts.sum((0, 1))
    with h5py.File(path, "w") as file:
        base = file.create_group("Project")
        base.attrs["Company"] = np.array([b"EDAX, LLC"])
        base["Sample/Area 1/Full Area 1/SPC"] = row
        for i in range(maps):
            group = base.create_group(f"Sample/Area 1/Live Map {i + 1}")
            group["SPC"] = row
            nested = group.create_dataset("SPD", shape, dtype=np.dtype(("<i2", 600)))
            nested[...] = counts
            nested.attrs["MicronPerPixelX"] = [0.004]
            nested.attrs["MicronPerPixelY"] = [0.005]
    return counts
