#!/usr/bin/env bash
# A cluster as separate processes: see README.md beside this file.
#
#   sudo examples/split/run.sh          deploy the demo application, ask it, clean up
#   sudo examples/split/run.sh --stay   the same, but stay until Ctrl-C
#
# The three "machines" are network namespaces. Read on <machine> <command> as
# ssh <machine> <command>.
set -euo pipefail
cd "$(dirname "$0")/../.."

coracle=${CORACLE:-bin/coracle}
kubectl=${KUBECTL:-$(command -v bin/kubectl || command -v kubectl || true)}
runc=${RUNC:-$(command -v runc || command -v bin/runc || true)}

fail() { echo "split: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || fail "network namespaces need root: sudo examples/split/run.sh"
[ -x "$coracle" ] || fail "$coracle is missing: make build"
[ -n "$kubectl" ] || fail "kubectl is missing: make kubectl"
[ -n "$runc" ] || fail "runc is missing: make runc"
for tool in ip nsenter nft curl; do
  command -v $tool >/dev/null || fail "$tool is missing: apt-get install iproute2 util-linux nftables curl"
done

dir=$(mktemp -d /tmp/coracle-split.XXXXXX)
id=${dir##*.}
parts=() # process ids, in the order of their start

ns() { echo "coracle-$id-$1"; }
on() { local machine=$1; shift; nsenter --net="/run/netns/$(ns "$machine")" "$@"; }
say() { echo "── $*"; }

# start <name> <machine> <arguments of coracle>: a part, with its log in a file.
start() {
  local name=$1 machine=$2; shift 2
  nsenter --net="/run/netns/$(ns "$machine")" "$coracle" "$@" >"$dir/$name.log" 2>&1 &
  parts+=($!)
}

# wait_for <seconds> <what> <command>: tries the command until it succeeds.
wait_for() {
  local seconds=$1 what=$2; shift 2
  local end=$((SECONDS + seconds))
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || { tail -n 20 "$dir"/*.log >&2; fail "$what did not happen in $seconds s"; }
    sleep 0.2
  done
}

# Everything ends in the reverse order: a kubelet takes its pods with it.
cleanup() {
  set +e
  say "cleaning up"
  for ((i = ${#parts[@]} - 1; i >= 0; i--)); do
    kill "${parts[i]}" 2>/dev/null
    wait "${parts[i]}" 2>/dev/null
  done
  for machine in node-1 node-2 control; do ip netns del "$(ns $machine)" 2>/dev/null; done
  rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# ── The machines, and a switch between them ──────────────────────────────────
say "three machines on one switch: $(ns control), $(ns node-1), $(ns node-2)"
for machine in control node-1 node-2; do
  ip netns add "$(ns $machine)"
  on $machine ip link set lo up
done
on control ip link add switch type bridge
on control ip address add 10.98.0.1/24 dev switch
on control ip link set switch up
for n in 1 2; do
  on control ip link add "port$n" type veth peer name eth0 netns "$(ns node-$n)"
  on control ip link set "port$n" master switch up
  on node-$n ip address add "10.98.0.1$n/24" dev eth0
  on node-$n ip link set eth0 up
done
# Each node has a range of pod addresses, and all know the way there.
on control ip route add 10.244.1.0/24 via 10.98.0.11
on control ip route add 10.244.2.0/24 via 10.98.0.12
on node-1 ip route add 10.244.2.0/24 via 10.98.0.12
on node-2 ip route add 10.244.1.0/24 via 10.98.0.11
on node-1 ip route add default via 10.98.0.1
on node-2 ip route add default via 10.98.0.1

# ── The control plane ────────────────────────────────────────────────────────
say "the control plane: store, apiserver, scheduler, controller-manager, dns"
start store control store --data-dir "$dir/store"
wait_for 30 "the store's answer" on control curl -sf http://127.0.0.1:2381/healthz
start apiserver control apiserver --data-dir "$dir" --listen 10.98.0.1:6443 --store etcd://127.0.0.1:2379
configs=$dir/kubeconfigs
wait_for 30 "the API's answer" test -e "$configs/scheduler.conf" -a -e "$configs/dns.conf" \
  -a -e "$configs/admin.conf" -a -e "$configs/proxy.conf" -a -e "$configs/controller-manager.conf"
start scheduler control scheduler --kubeconfig "$configs/scheduler.conf"
start controller-manager control controller-manager --kubeconfig "$configs/controller-manager.conf" \
  --root-ca "$dir/pki/ca.crt" --volume-dir "$dir/volumes"
start dns control dns --kubeconfig "$configs/dns.conf" --listen 10.98.0.1:53

# ── The nodes ────────────────────────────────────────────────────────────────
say "two nodes: kubelet and proxy each"
"$coracle" image build ./examples/demo/app -t demo:v1 --data-dir "$dir"
for n in 1 2; do
  "$coracle" kubeconfig --data-dir "$dir" --node node-$n --address 10.98.0.1$n --out "$configs/node-$n.conf"
  start proxy-$n node-$n proxy --kubeconfig "$configs/proxy.conf" --node-name node-$n
  start kubelet-$n node-$n kubelet --kubeconfig "$configs/node-$n.conf" --pod-cidr 10.244.$n.0/24 \
    --data-dir "$dir/node-$n" --image-dir "$dir/images" --runc "$runc"
done
export KUBECONFIG=$configs/admin.conf
kubectl() { on control "$kubectl" "$@"; }
wait_for 30 "two nodes" sh -c "[ \$(nsenter --net=/run/netns/$(ns control) $kubectl get nodes -o name | wc -l) = 2 ]"
kubectl wait --for=condition=Ready node --all --timeout=60s

# ── The application ──────────────────────────────────────────────────────────
say "the demo application"
kubectl apply -f examples/demo/app.yaml
kubectl rollout status deployment/demo --timeout=120s || {
  kubectl get events
  tail -n 20 "$dir"/*.log
  fail "the demo application did not come up"
}
kubectl get nodes,pods,services -o wide

address=$(kubectl get service demo -o 'jsonpath={.spec.clusterIP}')
wait_for 30 "the Service's answer" on node-1 curl -sf "http://$address"
say "ten requests to the Service at http://$address, from node-1"
for _ in 1 2 3 4 5 6 7 8 9 10; do on node-1 curl -sf "http://$address" | grep -o '"pod":"[^"]*"'; done | sort | uniq -c
say "the same by name, from inside a pod"
kubectl exec deployment/demo -- /app/app get -n 10 http://demo.default.svc.cluster.local

if [ "${1:-}" = --stay ]; then
  say "up; in another terminal: KUBECONFIG=$KUBECONFIG nsenter --net=/run/netns/$(ns control) $kubectl get pods"
  say "logs of the parts: $dir/*.log; Ctrl-C ends it"
  wait
fi
