// Package interop runs the real programs of the field against Coracle's parts: a
// claim that something speaks Kubernetes' contracts is worth what the other side
// of the contract says to it.
//
//	kubectl (stock, v1.37.2)   a session over all its verbs         kubectl_test.go, testdata/kubectl
//	client-go                  clients, informers, election, exec   clientgo_*_test.go
//	helm                       a chart's life                       helm_test.go, testdata/helm
//	controller-runtime         an operator with webhooks            operator_test.go, with package envtest
//	etcd, kube-apiserver       over and under our store             store, a module of its own
//	kube-apiserver             the same requests, answers compared  api, a module of its own
//	kube-controller-manager, kube-scheduler, kubelet, kube-proxy: in the place of ours, in api too
//	kube-apiserver             the same load on it and on ours      bench, a program in a module of its own
//
// The other side runs as it is, unchanged; ours runs in the process of the test
// (package cluster/clustertest), over TCP and TLS.
//
// It is a module of its own, since these programs bring along hundreds of
// packages that Coracle itself does without.
//
// The kubectl sessions are text files to be read as documentation: commands with
// what they print. Run the tests with -update to write down what is printed now.
package interop
