package kinds

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// protocols are those a port can speak.
func protocols() []corev1.Protocol {
	return []corev1.Protocol{corev1.ProtocolSCTP, corev1.ProtocolTCP, corev1.ProtocolUDP}
}

// checkPortOrName judges a port given by its number or by its name.
func checkPortOrName(j *judge, port intstr.IntOrString, path *field.Path) {
	if port.Type == intstr.Int {
		j.port(path, port.IntVal)
		return
	}
	j.invalid(path, port.StrVal, validation.IsValidPortName(port.StrVal)...)
}
