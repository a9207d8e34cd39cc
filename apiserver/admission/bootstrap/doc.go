// Package bootstrap makes the objects that the API server itself owns: the four
// namespaces, the two system priority classes, the service through which pods
// reach the server, the range that services have their addresses from, who is
// served first when there is much to do, whom extension servers believe, and a
// sign of life.
//
//	default/kubernetes  Service        ClusterIP 10.96.0.1, port 443
//	                    Endpoints      the address that the server advertises
//	                    EndpointSlice  the same, for who reads these
//	kubernetes          ServiceCIDR    10.96.0.0/16
//	exempt, system ...  FlowSchema and PriorityLevelConfiguration
//	kube-system/extension-apiserver-authentication  ConfigMap
//	kube-system/apiserver-...                       Lease
//
// [Bootstrap.Once] makes them, and repairs what somebody broke; [Bootstrap.Run]
// keeps them so. Each step is one object: created if missing, changed
// if wrong, left alone if right.
//
// # In Kubernetes
//
// Several servers take turns in one Endpoints object with leases; here each
// server writes the address it was given, so servers side by side should be given
// that of the balancer in front of them.
package bootstrap
