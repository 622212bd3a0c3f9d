"""The report of a result: one page of HTML, or a PDF, with all that a colleague needs."""
