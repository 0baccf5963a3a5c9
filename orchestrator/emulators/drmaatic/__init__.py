"""A stand-in for DRMAAtic, a web service in front of Slurm, in the two dialects that it speaks."""
