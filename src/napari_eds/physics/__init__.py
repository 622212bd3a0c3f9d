"""What atoms, a foil and a detector do to X-rays: tables and formulas, nothing measured."""
