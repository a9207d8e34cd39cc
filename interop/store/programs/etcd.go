package programs

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// Etcd returns an etcd of one member with its data in a folder below dir. What it
// says goes to log.
func Etcd(dir string, log io.Writer) (*Program, error) {
	members, err := EtcdCluster(dir, 1, log)
	if err != nil {
		return nil, err
	}
	return members[0], nil
}

// EtcdCluster returns the members of an etcd cluster, not yet started.
func EtcdCluster(dir string, members int, log io.Writer) ([]*Program, error) {
	etcd, err := Find("etcd")
	if err != nil {
		return nil, err
	}
	addresses, err := freeAddresses(2 * members)
	if err != nil {
		return nil, err
	}
	clients, peers := addresses[:members], addresses[members:]
	var cluster []string
	for i, peer := range peers {
		cluster = append(cluster, fmt.Sprintf("m%d=http://%s", i, peer))
	}
	var programs []*Program
	for i := range members {
		name := fmt.Sprintf("m%d", i)
		programs = append(programs, &Program{
			Name: "etcd " + name, Address: clients[i], log: log,
			command: []string{etcd,
				"--name", name,
				"--data-dir", filepath.Join(dir, name),
				"--listen-client-urls", "http://" + clients[i],
				"--advertise-client-urls", "http://" + clients[i],
				"--listen-peer-urls", "http://" + peers[i],
				"--initial-advertise-peer-urls", "http://" + peers[i],
				"--initial-cluster", strings.Join(cluster, ","),
				"--log-level", "fatal",
				"--max-concurrent-streams", "100000",
			},
		})
	}
	return programs, nil
}
