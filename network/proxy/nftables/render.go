package nftables

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"sigs.k8s.io/knftables"

	"github.com/coracle-k8s/coracle/network/proxy"
)

// mark is the bit that says "masquerade": bit 14, the one Kubernetes uses too.
const mark = "0x4000"

// rules are the part of the table that depends on the Services, as a value.
type rules struct {
	pods netip.Prefix
	// chains have their rules, in order.
	chains map[string][]string
	// elements are the entries of the verdict maps.
	elements map[element]string
	// sticky are the sets that remember clients, each for as long as it says.
	sticky map[string]time.Duration
}

// An element is an entry's place: its map, and its key with dots between.
type element struct {
	in, key string
}

// render turns the table into rules.
func render(table proxy.Table, pods netip.Prefix) *rules {
	r := &rules{
		pods:   pods,
		chains: map[string][]string{}, elements: map[element]string{}, sticky: map[string]time.Duration{},
	}
	for i := range table.Ports {
		r.port(&table.Ports[i])
	}
	return r
}

func (r *rules) port(p *proxy.Port) {
	proto := strings.ToLower(string(p.Protocol))
	inside := r.inside(p)
	for _, ip := range p.IPs {
		key := fmt.Sprintf("%s . %s . %d", ip, proto, p.Number)
		if inside == "" {
			r.elements[element{refusedIPs, key}] = "goto " + refuse
		} else {
			r.elements[element{serviceIPs, key}] = "goto " + inside
		}
	}
	if p.NodePort == 0 {
		return
	}
	key := fmt.Sprintf("%s . %d", proto, p.NodePort)
	switch {
	case len(p.External) > 0:
		r.elements[element{serviceNodes, key}] = "goto " + r.outside(p)
	case p.DropExternal:
		r.elements[element{refusedNodes, key}] = "drop"
	default:
		r.elements[element{refusedNodes, key}] = "goto " + refuse
	}
}

// inside makes the chain that a Service's own addresses lead to, and returns
// its name, or "" if there are no endpoints. Who comes from outside the pods'
// network would get its answer past this node, and would not know the sender.
func (r *rules) inside(p *proxy.Port) string {
	if len(p.Endpoints) == 0 {
		return ""
	}
	chain := name("svc-", p.ID())
	r.add(chain, knftables.Concat("ip saddr !=", r.pods.String(), "meta mark set meta mark or", mark))
	r.add(chain, "goto "+r.spread("in-", p, p.Endpoints))
	return chain
}

// outside makes the chain that a node port leads to: like the Service's own,
// but the source is hidden unless the Service wants to see it.
func (r *rules) outside(p *proxy.Port) string {
	spread := r.spread("out-", p, p.External)
	chain := name("ext-", p.ID())
	if !p.KeepSource {
		r.add(chain, "meta mark set meta mark or "+mark)
	}
	r.add(chain, "goto "+spread)
	return chain
}

// spread makes the chain that chooses among the endpoints, of which there must
// be some, and returns its name.
func (r *rules) spread(prefix string, p *proxy.Port, endpoints []netip.AddrPort) string {
	chain := name(prefix, p.ID())
	choices := make([]string, len(endpoints))
	for i, e := range endpoints {
		target := r.endpoint(name(prefix+"to-", p.ID()+e.String()), p, e)
		choices[i] = fmt.Sprintf("%d : goto %s", i, target)
		if p.Affinity > 0 { // A client that was here before stays.
			r.add(chain, "ip saddr @"+target+" goto "+target)
		}
	}
	r.add(chain, fmt.Sprintf("numgen random mod %d vmap { %s }", len(endpoints), strings.Join(choices, ", ")))
	return chain
}

// endpoint makes the chain that sends a connection to one pod.
func (r *rules) endpoint(chain string, p *proxy.Port, e netip.AddrPort) string {
	// A pod that reaches itself must not see its own address as the source.
	r.add(chain, knftables.Concat("ip saddr", e.Addr(), "meta mark set meta mark or", mark))
	if p.Affinity > 0 {
		r.sticky[chain] = p.Affinity
		r.add(chain, "update @"+chain+" { ip saddr }")
	}
	r.add(chain, knftables.Concat("meta l4proto", strings.ToLower(string(p.Protocol)), "dnat to", e))
	return chain
}

func (r *rules) add(chain, rule string) { r.chains[chain] = append(r.chains[chain], rule) }

// name makes a chain's name, of letters and digits, out of what it is for.
func name(prefix, of string) string {
	sum := sha256.Sum256([]byte(of))
	return prefix + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10]))
}
