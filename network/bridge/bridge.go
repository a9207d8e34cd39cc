package bridge

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
)

// Config says what network a [Bridge] makes.
type Config struct {
	// NodeNS is the path of the node's network namespace; empty means that
	// of the process.
	NodeNS string
	// Name is the bridge's link name, by default "coracle0".
	Name string
	// PodCIDR is the node's range of pod addresses.
	PodCIDR netip.Prefix
	// Dir is where allocated addresses are recorded.
	Dir string
	// MTU is the largest packet in bytes; zero means the kernel's default.
	MTU int
}

// portName is the name of a sandbox's port on the bridge. Link names have at
// most 15 bytes, so it is a digest: 44 bits, which do not collide on one node.
func portName(sandboxID string) string {
	sum := sha256.Sum256([]byte(sandboxID))
	return "veth" + hex.EncodeToString(sum[:])[:11]
}
