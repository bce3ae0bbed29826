#!/usr/bin/env bash
# Checks the configuration of staging and rolls out, as the pipeline does.
# Arguments go to `ace implement`; ACE names another ace than that of the PATH.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export ACE_ENVIRONMENT=staging
"${ACE:-ace}" validate --environment staging
"${ACE:-ace}" implement --environment staging "$@"
