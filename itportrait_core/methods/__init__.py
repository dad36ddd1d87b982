"""The paper's five stages. Import from the modules; this file stays empty so that configs load no torch."""
