"""What is remembered: ports named by use, and two implementations that pass one contract suite."""
