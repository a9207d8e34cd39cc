package env

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// ServiceVars returns the variables by which containers find Services without
// DNS, in the form that Docker links had. The kubernetes Service of the default
// namespace is always among them; the rest only with links, which a nil pointer
// means. See
// https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables.
func ServiceVars(services []*corev1.Service, namespace string, links *bool) map[string]string {
	vars := map[string]string{}
	for _, own := range []bool{false, true} { // the pod's namespace wins
		for _, s := range services {
			master := s.Namespace == "default" && s.Name == "kubernetes"
			linked := s.Namespace == namespace && (links == nil || *links)
			if (linked && own || master && !own) && hasClusterIP(s) && len(s.Spec.Ports) > 0 {
				addService(vars, s)
			}
		}
	}
	return vars
}

func hasClusterIP(s *corev1.Service) bool {
	return s.Spec.ClusterIP != "" && s.Spec.ClusterIP != corev1.ClusterIPNone
}

func addService(vars map[string]string, s *corev1.Service) {
	prefix, host := upper(s.Name), s.Spec.ClusterIP
	first := strconv.Itoa(int(s.Spec.Ports[0].Port))
	vars[prefix+"_SERVICE_HOST"] = host
	vars[prefix+"_SERVICE_PORT"] = first
	for i, p := range s.Spec.Ports {
		port := strconv.Itoa(int(p.Port))
		protocol := string(p.Protocol)
		if protocol == "" {
			protocol = string(corev1.ProtocolTCP)
		}
		url := strings.ToLower(protocol) + "://" + net.JoinHostPort(host, port)
		if p.Name != "" {
			vars[prefix+"_SERVICE_PORT_"+upper(p.Name)] = port
		}
		if i == 0 {
			vars[prefix+"_PORT"] = url
		}
		link := fmt.Sprintf("%s_PORT_%s_%s", prefix, port, strings.ToUpper(protocol))
		vars[link] = url
		vars[link+"_PROTO"] = strings.ToLower(protocol)
		vars[link+"_PORT"] = port
		vars[link+"_ADDR"] = host
	}
}

func upper(name string) string { return strings.ToUpper(strings.ReplaceAll(name, "-", "_")) }
