#!/bin/sh
# Workflows of ten durable steps on Restate and on this host, in turn, on one machine and one disk:
# benches/peers/restate.sh [ROUNDS] [SECONDS] [CONCURRENCY ...], by default 3, 5 and 1 16 64.
#
# Needs Node 20 and npm, which fetches Restate into a temporary folder; everything listens on
# loopback only, and folder and processes are gone afterwards. Restate's steps are JavaScript
# closures, the host's are WebAssembly components under the full authority chain and the audit log.
set -eu

rounds=${1:-3}
seconds=${2:-5}
[ $# -gt 2 ] && shift 2 && concurrencies=$* || concurrencies="1 16 64"

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
folder=$(mktemp -d)
processes=
clean_up() {
    for process in $processes; do kill "$process" 2>/dev/null || true; done
    for process in $processes; do wait "$process" 2>/dev/null || true; done
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# Runs a command until it succeeds, for at most a minute.
await() {
    tries=0
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ $tries -lt 300 ] || { echo "never came true: $*" >&2; exit 1; }
        sleep 0.2
    done
}

free_port() {
    node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'
}

# Restate: server and handler.
cp "$here"/restate/* "$folder/"
(cd "$folder" && npm install --silent --no-audit --no-fund --ignore-scripts >/dev/null)
node "$folder/handler.mjs" >"$folder/handler.port" 2>"$folder/handler.log" &
processes="$processes $!"
await test -s "$folder/handler.port"
ingress=$(free_port) admin=$(free_port) internal=$(free_port)
RESTATE_BASE_DIR=$folder/restate RESTATE_DISABLE_TELEMETRY=true \
    RESTATE_INGRESS__BIND_ADDRESS=127.0.0.1:$ingress RESTATE_ADMIN__BIND_ADDRESS=127.0.0.1:$admin \
    "$folder/node_modules/.bin/restate-server" --no-logo --listen-mode tcp --bind-ip 127.0.0.1 \
    --bind-port "$internal" >"$folder/restate.log" 2>&1 &
processes="$processes $!"
await curl -sf "http://127.0.0.1:$admin/health"
await curl -sf -X POST "http://127.0.0.1:$admin/deployments" -H 'content-type: application/json' \
    -d "{\"uri\": \"http://127.0.0.1:$(cat "$folder/handler.port")\"}"

# This host: ten Tasks in a row.
(cd "$root" && cargo build --quiet --release --workspace --bin sluice)
(cd "$root/examples" && cargo build --quiet --release --target wasm32-wasip2 --package hello)
sluice=$root/target/release/sluice
"$sluice" dev --listen 127.0.0.1:0 --data "$folder/sluice" --ready-file "$folder/ready.json" >/dev/null 2>"$folder/sluice.log" &
processes="$processes $!"
await test -s "$folder/ready.json"
as() { person=$1; shift; "$sluice" "$@" --as "$person" --ready-file "$folder/ready.json" >/dev/null; }
echo '{"limits": {"concurrency": 256}}' >"$folder/role.json"
node -e 'const states = {}; for (let i = 1; i <= 10; i++) states[`Step${i}`] = { Type: "Task", Resource: "component:hello", ResultPath: "$.greeting", ...(i < 10 ? { Next: `Step${i + 1}` } : { End: true }) }; console.log(JSON.stringify({ StartAt: "Step1", States: states }))' >"$folder/ten.json"
as author component upload hello@1.0.0 "$root/examples/target/wasm32-wasip2/release/hello.wasm"
as operator role put bench "$folder/role.json"
as reviewer review approve hello@1.0.0 --role bench --comment measured
as operator workflow publish ten "$folder/ten.json" --role bench
url=$(node -p 'JSON.parse(require("fs").readFileSync(process.argv[1])).url' "$folder/ready.json")
TOKEN=$(node -p 'JSON.parse(require("fs").readFileSync(process.argv[1])).tokens.operator' "$folder/ready.json")
export TOKEN

for concurrency in $concurrencies; do
    round=0
    while [ $round -lt "$rounds" ]; do
        node "$folder/drive.mjs" restate "http://127.0.0.1:$ingress" "$concurrency" "$seconds"
        node "$folder/drive.mjs" sluice "${url%/}" "$concurrency" "$seconds"
        round=$((round + 1))
    done
done
