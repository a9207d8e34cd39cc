package kubelet

import (
	"os"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// The limits of a resolv.conf, as in Kubernetes since 1.26.
const (
	maxServers      = 3
	maxSearches     = 32
	maxSearchLength = 2048
)

// dnsConfig is a pod's resolv.conf. See
// https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/.
func (k *Kubelet) dnsConfig(pod *corev1.Pod) *cri.DNSConfig {
	node := parseResolvConf(k.cfg.ResolvConf)
	config := &cri.DNSConfig{}
	policy := pod.Spec.DNSPolicy
	inCluster := policy == corev1.DNSClusterFirstWithHostNet ||
		(policy == corev1.DNSClusterFirst || policy == "") && !pod.Spec.HostNetwork
	switch {
	case policy == corev1.DNSNone:
	case inCluster && len(k.cfg.ClusterDNS) > 0:
		domain := k.cfg.ClusterDomain
		config.Servers = slices.Clone(k.cfg.ClusterDNS)
		config.Searches = append([]string{pod.Namespace + ".svc." + domain, "svc." + domain, domain}, node.Searches...)
		config.Options = []string{"ndots:5"}
	default:
		config = node
	}
	if given := pod.Spec.DNSConfig; given != nil {
		config.Servers = appendNew(config.Servers, given.Nameservers)
		config.Searches = appendNew(config.Searches, given.Searches)
		config.Options = mergeOptions(config.Options, given.Options)
	}
	config.Servers = config.Servers[:min(len(config.Servers), maxServers)]
	config.Searches = limitSearches(config.Searches)
	return config
}

func parseResolvConf(file string) *cri.DNSConfig {
	config := &cri.DNSConfig{}
	data, err := os.ReadFile(file)
	if file == "" || err != nil {
		return config
	}
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		switch {
		case len(fields) < 2:
		case fields[0] == "nameserver":
			config.Servers = append(config.Servers, fields[1])
		case fields[0] == "search":
			config.Searches = fields[1:]
		case fields[0] == "options":
			config.Options = fields[1:]
		}
	}
	return config
}

func appendNew(list, more []string) []string {
	for _, s := range more {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// mergeOptions lets options given for the pod replace those of the same name.
func mergeOptions(options []string, given []corev1.PodDNSConfigOption) []string {
	for _, g := range given {
		options = slices.DeleteFunc(options, func(o string) bool {
			name, _, _ := strings.Cut(o, ":")
			return name == g.Name
		})
		text := g.Name
		if g.Value != nil && *g.Value != "" {
			text += ":" + *g.Value
		}
		options = append(options, text)
	}
	return options
}

func limitSearches(list []string) []string {
	list = list[:min(len(list), maxSearches)]
	for len(strings.Join(list, " ")) > maxSearchLength {
		list = list[:len(list)-1]
	}
	return list
}

// hostname is what a pod calls itself, domain the DNS domain that it is found
// in, if any.
func (k *Kubelet) hostname(pod *corev1.Pod) (hostname, domain string) {
	hostname = pod.Name
	if pod.Spec.Hostname != "" {
		hostname = pod.Spec.Hostname
	}
	if len(hostname) > 63 {
		hostname = strings.TrimRight(hostname[:63], "-.")
	}
	if pod.Spec.Subdomain != "" {
		domain = pod.Spec.Subdomain + "." + pod.Namespace + ".svc." + k.cfg.ClusterDomain
	}
	return hostname, domain
}

// hostsFile is a pod's /etc/hosts. Pods on the host's network get a copy of the
// node's.
func (k *Kubelet) hostsFile(pod *corev1.Pod) string {
	var b strings.Builder
	if pod.Spec.HostNetwork {
		b.WriteString("# Kubernetes-managed hosts file (host network).\n")
		node, _ := os.ReadFile("/etc/hosts")
		b.Write(node)
	} else {
		b.WriteString("# Kubernetes-managed hosts file.\n" +
			"127.0.0.1\tlocalhost\n" +
			"::1\tlocalhost ip6-localhost ip6-loopback\n" +
			"fe00::0\tip6-localnet\n" +
			"fe00::0\tip6-mcastprefix\n" +
			"fe00::1\tip6-allnodes\n" +
			"fe00::2\tip6-allrouters\n")
		hostname, domain := k.hostname(pod)
		for _, ip := range pod.Status.PodIPs {
			b.WriteString(ip.IP + "\t")
			if domain != "" {
				b.WriteString(hostname + "." + domain + "\t")
			}
			b.WriteString(hostname + "\n")
		}
	}
	if len(pod.Spec.HostAliases) > 0 {
		b.WriteString("\n# Entries added by HostAliases.\n")
		for _, alias := range pod.Spec.HostAliases {
			b.WriteString(alias.IP + "\t" + strings.Join(alias.Hostnames, "\t") + "\n")
		}
	}
	return b.String()
}
