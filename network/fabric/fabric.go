package fabric

import (
	"errors"
	"net/netip"
	"path/filepath"
)

// Config says what network to make. The ranges must not overlap.
type Config struct {
	// Dir is where the namespaces are held, as files.
	Dir string
	// Nodes is the nodes' range, by default 10.243.0.0/24. Its first address
	// is the switch's, where the control plane can listen.
	Nodes netip.Prefix
	// Uplink, if not empty, is the name of a link to the machine's own
	// network, at most 15 bytes.
	Uplink string
	// Routed are the further ranges that the machine reaches through the
	// uplink: pods and Services.
	Routed []netip.Prefix
}

// DefaultNodes is the range of node addresses if none is given.
var DefaultNodes = netip.MustParsePrefix("10.243.0.0/24")

// ErrTaken says that the machine reaches one of the fabric's ranges elsewhere,
// as when another cluster with the same addresses has an uplink.
var ErrTaken = errors.New("addresses are taken")

// A Node is one simulated machine.
type Node struct {
	Name    string
	NS      string // path that holds its network namespace
	IP      netip.Addr
	PodCIDR netip.Prefix
}

// switchNS is the path that holds the namespace of the switch.
func (c Config) switchNS() string { return filepath.Join(c.Dir, "switch") }

func (c Config) nodeNS(name string) string { return filepath.Join(c.Dir, "node-"+name) }

// Gateway is the address of the switch in the nodes' range.
func (c Config) Gateway() netip.Addr { return c.Nodes.Addr().Next() }
