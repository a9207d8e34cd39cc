// Package store holds tests of our store against the programs it is
// interchangeable with, both ways:
//
//	kit_test.go            the kit over etcdstore, on a real etcd
//	cluster_test.go        three real etcds, one of which is killed
//	apiserver_test.go      two API servers of ours over one real etcd
//	etcdctl_test.go        the real etcdctl against our etcdserver over boltstore
//	kube_apiserver_test.go the real kube-apiserver on our etcdserver over boltstore
//	sealed_test.go         a store that it and ours encrypt with the same keys
//
// The real programs are built by make from tools/etcd and tools/kubernetes; a test
// whose program is not there is skipped and says so. `make interop-store` builds
// and runs all. The benchmark beside etcd is the command bench.
package store
