#!/usr/bin/env python3
"""Draws what a device downloads: the whole checkpoint, or the links from the version that it has.

    python3 plot.py CHAIN PICTURE.png
"""

import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import patchcore


def plot(chain, picture):
    last = chain.versions[-1]
    names, routes = [], []
    for version in chain.versions[:-1]:
        names.append(f"{version.name} → {last.name}")
        routes.append(chain.route(version))
    figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
    axes.barh(f"whole {last.name}", last.size / 1000, color="0.8")
    axes.text(last.size / 1000, f"whole {last.name}", f" {last.size / 1000:,.0f} kB", va="center")
    for name, route in zip(names, routes):
        begin = 0
        for link in route:
            axes.barh(name, link.size / 1000, left=begin, color=f"C{link.index}", edgecolor="white")
            begin += link.size / 1000
        axes.text(begin, name, f" {begin:,.0f} kB", va="center")
    axes.set_xlim(0, last.size / 1000 * 1.15)
    axes.set_xlabel("kB to download")
    axes.set_title(f"Updating to {last.name}: the links from each version")
    axes.spines[["top", "right"]].set_visible(False)
    axes.invert_yaxis()
    figure.savefig(picture, dpi=150)


if __name__ == "__main__":
    plot(patchcore.Chain(sys.argv[1]), sys.argv[2])
