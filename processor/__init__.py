"""Capillary loyalty events from Kafka to Adobe Experience Platform. Start reading at `processor.pipeline`."""

__version__ = "0.1.0"
