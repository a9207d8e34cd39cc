package nftables

import "sigs.k8s.io/knftables"

// The maps that lead to the Services' chains, and the chain that refuses.
const (
	serviceIPs   = "service-ips"
	serviceNodes = "service-nodes"
	refusedIPs   = "refused-ips"
	refusedNodes = "refused-nodes"
	refuse       = "refuse"
)

// frame writes the part of the table that is the same for all Services, in
// place of whatever table was there.
func frame(tx *knftables.Transaction) {
	tx.Add(&knftables.Table{})
	tx.Delete(&knftables.Table{})
	tx.Add(&knftables.Table{Comment: knftables.PtrTo("Services of the cluster")})
	for _, m := range []string{serviceIPs, refusedIPs} {
		tx.Add(&knftables.Map{Name: m, Type: "ipv4_addr . inet_proto . inet_service : verdict"})
	}
	for _, m := range []string{serviceNodes, refusedNodes} {
		tx.Add(&knftables.Map{Name: m, Type: "inet_proto . inet_service : verdict"})
	}
	rule := func(chain, rule string) { tx.Add(&knftables.Rule{Chain: chain, Rule: rule}) }

	tx.Add(&knftables.Chain{Name: "services"})
	rule("services", "ip daddr . meta l4proto . th dport vmap @"+serviceIPs)
	rule("services", "fib daddr type local ip daddr != 127.0.0.0/8 meta l4proto . th dport vmap @"+serviceNodes)

	tx.Add(&knftables.Chain{Name: refuse})
	rule(refuse, "reject")
	tx.Add(&knftables.Chain{Name: "refused"})
	rule("refused", "ip daddr . meta l4proto . th dport vmap @"+refusedIPs)
	rule("refused", "fib daddr type local ip daddr != 127.0.0.0/8 meta l4proto . th dport vmap @"+refusedNodes)

	hook(tx, "nat-prerouting", knftables.NATType, knftables.PreroutingHook, knftables.DNATPriority, "jump services")
	hook(tx, "nat-output", knftables.NATType, knftables.OutputHook, knftables.DNATPriority, "jump services")
	hook(tx, "nat-postrouting", knftables.NATType, knftables.PostroutingHook, knftables.SNATPriority,
		"meta mark and "+mark+" != 0 meta mark set meta mark xor "+mark+" masquerade fully-random")
	for _, at := range []knftables.BaseChainHook{knftables.InputHook, knftables.ForwardHook, knftables.OutputHook} {
		hook(tx, "filter-"+string(at), knftables.FilterType, at, knftables.FilterPriority, "ct state new jump refused")
	}
}

// hook makes a chain that the kernel calls, with one rule.
func hook(tx *knftables.Transaction, name string, typ knftables.BaseChainType, at knftables.BaseChainHook, priority knftables.BaseChainPriority, rule string) {
	tx.Add(&knftables.Chain{
		Name: name, Type: knftables.PtrTo(typ), Hook: knftables.PtrTo(at), Priority: knftables.PtrTo(priority),
	})
	tx.Add(&knftables.Rule{Chain: name, Rule: rule})
}
