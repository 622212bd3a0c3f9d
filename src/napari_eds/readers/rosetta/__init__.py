"""Every format other than Velox, through RosettaSciIO."""
