package proxy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// A Table says, for every address of every Service, which pods answer there.
// It is in a stable order, so that two tables of the same rules are equal.
type Table struct {
	Ports []Port
}

// A Port is one port of one Service on this node.
type Port struct {
	// Service is the namespace and name, PortName the port's name, for
	// people and for stable names of rules.
	Service, PortName string
	Protocol          corev1.Protocol
	// IPs are the addresses it answers at, with Number: the ClusterIP first,
	// then external ones.
	IPs    []netip.Addr
	Number uint16
	// NodePort is the port it answers at on the node's own addresses; zero
	// means none.
	NodePort uint16
	// Affinity is how long a client stays with its endpoint after its last
	// connection; zero means that every connection is spread anew.
	Affinity time.Duration
	// Endpoints answer connections to IPs, External those from outside
	// to NodePort: they differ under a traffic policy of Local. Connections
	// where the list is empty are refused, or dropped if DropExternal is set because
	// there are endpoints but on other nodes only.
	Endpoints, External []netip.AddrPort
	DropExternal        bool
	// KeepSource says that connections from outside keep their source
	// address, which is what external traffic policy Local is for.
	KeepSource bool
}

// ID is a name that is unique in the table and the same in the next one.
func (p *Port) ID() string {
	return fmt.Sprintf("%s:%s/%s", p.Service, p.PortName, strings.ToLower(string(p.Protocol)))
}

// String prints the table, one line a port.
func (t Table) String() string {
	var b strings.Builder
	for i := range t.Ports {
		p := &t.Ports[i]
		fmt.Fprintf(&b, "%s", p.ID())
		for _, ip := range p.IPs {
			fmt.Fprintf(&b, " %s", netip.AddrPortFrom(ip, p.Number))
		}
		if p.NodePort != 0 {
			fmt.Fprintf(&b, " node:%d", p.NodePort)
		}
		if p.Affinity > 0 {
			fmt.Fprintf(&b, " sticky %s", p.Affinity)
		}
		b.WriteString(" -> ")
		b.WriteString(list(p.Endpoints, "refuse"))
		if !slices.Equal(p.Endpoints, p.External) {
			empty := "refuse"
			if p.DropExternal {
				empty = "drop"
			}
			fmt.Fprintf(&b, "; from outside -> %s", list(p.External, empty))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func list(endpoints []netip.AddrPort, empty string) string {
	if len(endpoints) == 0 {
		return empty
	}
	texts := make([]string, len(endpoints))
	for i, e := range endpoints {
		texts[i] = e.String()
	}
	return strings.Join(texts, " ")
}
