#!/usr/bin/env bash
# How chips of several sizes come out on one map: seven samples of it, quantified, compared with
# what is known, and handed to few-shot programs.
#
#   bash docs/study.sh OUT [MAP or SIZE]
#
# OUT is a folder for all results. MAP is a Velox file; in place of it, a map of SIZE pixels a side
# is simulated (default: 512). docs/study.md says what comes out, and what these variables are for:
# ELEMENTS, FIT_ONLY, THICKNESS, K_FACTORS, PHASES, KNOWN, SAMPLES, COUNTS.
set -euo pipefail

out=${1:?"usage: bash docs/study.sh OUT [MAP or SIZE]"}
map=${2:-512}
mkdir -p "$out"

if [[ $map =~ ^[0-9]+$ ]]; then
    napari-eds simulate "$out/simulated.emd" --kind film --size "$map" --counts "${COUNTS:-60}"
    map=$out/simulated.emd
    ELEMENTS=La,Fe,O,Sr,Ti,Pt FIT_ONLY=Cu,C THICKNESS=55
    K_FACTORS=$out/simulated_k-factors.csv
    PHASES=$out/simulated_phases.tif KNOWN="2=LaFeO3 3=SrTiO3"
fi
napari-eds info "$map" | tee "$out/map.txt"
side=$(sed -nE 's/^ *map +([0-9]+) x ([0-9]+) pixels.*/\1 \2/p' "$out/map.txt" | head -1 | tr ' ' '\n' | sort -n | head -1)
cut=$((side * 500 / 512)) # 500 of 512 pixels, as much of a smaller map

recipe=(--elements "${ELEMENTS:-file}")
[[ -n ${FIT_ONLY:-} ]] && recipe+=(--fit-only "$FIT_ONLY")
[[ -n ${THICKNESS:-} ]] && recipe+=(--thickness "$THICKNESS")
[[ -n ${K_FACTORS:-} ]] && recipe+=(--k-factors "$K_FACTORS")

# Compares a sample ($1, chips of $2 pixels) with the formula of each phase that is known, by the
# chips that lie wholly in it, and joins the tables.
compare_with_known() {
    local sample=$out/sample$1 pair formula
    for pair in ${KNOWN:-}; do
        formula=${pair#*=}
        napari-eds compare "$sample.csv" --formula "$formula" --inside "$PHASES=${pair%=*}" \
            --label-map "${sample}_few-shot/labels.npy" \
            -o "${sample}_$formula.csv" --figure "${sample}_$formula.png" || continue # no such chip
        [[ -f $out/known.csv ]] || sed -n "1s/^/sample,chip_px,formula,/p" "${sample}_$formula.csv" >"$out/known.csv"
        sed "1d;s/^/$1,$2,$formula,/" "${sample}_$formula.csv" >>"$out/known.csv"
    done
}

# Compares a sample ($1) chip by chip with another result ($2), called $3.
compare_with() {
    napari-eds compare "$out/sample$1.csv" --with "$2" --label-map "$out/sample$1_few-shot/labels.npy" \
        -o "$out/sample$1_$3.csv" --figure "$out/sample$1_$3.png"
}

rm -f "$out/known.csv"
echo "sample,map_px,chip_px,chips" >"$out/samples.csv"
for sample in ${SAMPLES:-1 2 3 4 5 6 7}; do
    chip=$(cut -d' ' -f"$sample" <<<"64 10 15 20 12 20 15")
    part=(--crop : :) pixels=$side
    ((sample > 5)) && part=(--crop ":$cut" ":$cut") pixels=$cut
    echo "== Sample $sample: $pixels pixels a side, chips of $chip pixels"
    napari-eds few-shot "$map" "${recipe[@]}" "${part[@]}" --grid "$chip" \
        --csv "$out/sample$sample.csv" -o "$out/sample${sample}_few-shot"
    echo "$sample,$pixels,$chip,$(($(wc -l <"$out/sample$sample.csv") - 1))" >>"$out/samples.csv"
    compare_with_known "$sample" "$chip"
    if grep -q "Velox.*result" "$out/map.txt"; then
        compare_with "$sample" "$map" velox
    fi
done

# Another fit of the same spectra, for the last sample: HyperSpy's linear one.
napari-eds quantify "$map" --recipe "$out/sample${sample}_recipe.json" --engine linear \
    --grid "$chip" -o "$out/hyperspy.csv"
compare_with "$sample" "$out/hyperspy.csv" hyperspy

echo "== Samples" && cat "$out/samples.csv"
if [[ -f $out/known.csv ]]; then
    echo "== Known phases" && cut -d, -f1-10 "$out/known.csv"
fi
