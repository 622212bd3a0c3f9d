"""What to beware of in a result: the same remarks in table, CSV, shell, window and account.

Remarks are judged on misfit relative to the lines and on errors beyond counting, so that they do
not come and go with the number of counts.
"""
