#!/usr/bin/env bash
# Checks the configuration of production and rolls out, as the pipeline does. Warnings count as errors.
# Arguments go to `ace implement`; ACE names another ace than that of the PATH.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export ACE_ENVIRONMENT=production
"${ACE:-ace}" validate --environment production --strict
"${ACE:-ace}" implement --environment production --strategy blue-green "$@"
