"""The charge point operator: what it decides, in neutral words. It meets stations and drivers on a wire only."""
