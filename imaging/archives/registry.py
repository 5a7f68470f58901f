"""Archives by kind. The only place that knows which kinds exist."""
