"""What the user asks for: elements, k-factors, absorption, fit; validated and saved."""
