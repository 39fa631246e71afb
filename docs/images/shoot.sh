#!/usr/bin/env bash
# Takes the README's picture again: the top of the demo's dataset card, by Chromium. Needs a demo that was applied.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT
chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
  --disable-component-update --disable-sync --hide-scrollbars --user-data-dir="$profile" --window-size=1100,1330 \
  --force-device-scale-factor=1.25 --screenshot="$PWD/docs/images/card.png" \
  "file://$PWD/governance/cards/demo/demo.dataset-card.html" 2>/dev/null
