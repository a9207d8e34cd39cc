// Package fabric makes one machine look like several: it gives every node a
// network namespace of its own, a cable to a common switch, and routes to the
// pods of the others.
//
//	┌ machine ───────────────────────────────────────────────────────────┐
//	│  uplink ━━┓ (optional: a way out, and in from the machine)         │
//	│  ┌ fabric namespace ───────────────────────────────────────────┐   │
//	│  │ uplink    switch 10.243.0.1  ◀ the control plane listens    │   │
//	│  │             ├─────────────────┬─────────────────┐           │   │
//	│  └─────────────╂─────────────────╂─────────────────╂───────────┘   │
//	│  ┌ node-1 ─────╂───┐ ┌ node-2 ───╂─────┐ ┌ node-3 ─╂───────┐       │
//	│  │ eth0 10.243.0.11│ │ 10.243.0.12     │ │ 10.243.0.13     │       │
//	│  │ pods 10.244.1.0 │ │ pods 10.244.2.0 │ │ pods 10.244.3.0 │       │
//	│  └─────────────────┘ └─────────────────┘ └─────────────────┘       │
//	└────────────────────────────────────────────────────────────────────┘
//
// The switch too lives in a namespace of its own. So nothing but the uplink is
// ever added to the machine's own network, several clusters live side by side
// with the same addresses, and taking a cluster down is removing its
// namespaces: links, routes and firewall rules go with them.
//
// The uplink joins the fabric to the machine: a route there for the nodes', the
// pods' and the Services' addresses, and a masquerading rule for what pods send
// to the world. Two clusters with the same addresses cannot both have one.
//
// In a real cluster this is the data centre: switches, routers and a cloud's
// route tables.
package fabric
