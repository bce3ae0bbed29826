//! What every function's main needs: logs, settings, error names, the serve loop.
