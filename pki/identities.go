package pki

// The identities of the parts of a cluster. The bootstrap policy of package
// auth grants each what it needs. They are Kubernetes' own names, so that the
// real component can take the place of ours with the certificate of ours.
const (
	// UserAdmin is who the kubeconfig of the cluster's owner names.
	UserAdmin = "kubernetes-admin"
	// UserAPIServer is the API server calling itself.
	UserAPIServer = "system:apiserver"
	// UserScheduler, UserControllerManager, UserProxy and UserDNS are the
	// components.
	UserScheduler         = "system:kube-scheduler"
	UserControllerManager = "system:kube-controller-manager"
	UserProxy             = "system:kube-proxy"
	UserDNS               = "system:kube-dns"
	// UserKubeletClient is the API server calling a kubelet.
	UserKubeletClient = "kube-apiserver-kubelet-client"

	// NodeUserPrefix comes before a node's name in its kubelet's user name.
	NodeUserPrefix = "system:node:"

	// GroupMasters may do everything; no policy can take that away.
	GroupMasters = "system:masters"
	// GroupNodes is the group of all kubelets.
	GroupNodes = "system:nodes"
)

// NodeUser returns the user name of a node's kubelet. Its group is GroupNodes.
func NodeUser(node string) string { return NodeUserPrefix + node }
