// Package ipam hands out the addresses of one node's pod range.
//
// An allocation is a file: its name is the address, its content the owner.
// Creating a file that must not exist is atomic, so allocations need no lock
// and survive a crash of whoever made them: nothing is in memory alone. The
// node's first usable address is its gateway and never handed out.
//
// Addresses are handed out in a ring, starting after the last one, so that an
// address just released is not given to another pod at once: connections and
// caches that still know its last owner get time to notice.
//
// Kubernetes leaves this to the network plugin; host-local, the plugin most
// clusters use, works the same way.
//
// A Pool is safe for concurrent use, also by several processes on one directory.
package ipam
