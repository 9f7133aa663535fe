"""What a provider or a telemetry reader must offer, and the registry that finds them."""
