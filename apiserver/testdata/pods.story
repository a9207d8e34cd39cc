# A pod and two of the paths that change a part of it.
POST /api/v1/namespaces/default/pods
show: metadata.generation status.qosClass
{"metadata": {"name": "web"}, "spec": {"containers": [{"name": "c", "image": "web:1", "resources": {"requests": {"cpu": "1"}}}]}}
=> 201 Created
metadata.generation: 1
status.qosClass: Burstable

# A container to look into it. Nothing else is changed by this path.
PATCH /api/v1/namespaces/default/pods/web/ephemeralcontainers
Content-Type: application/strategic-merge-patch+json
show: metadata.generation metadata.labels spec.ephemeralContainers
{"metadata": {"labels": {"a": "b"}}, "spec": {"ephemeralContainers": [{"name": "debug", "image": "busybox:1", "targetContainerName": "c"}]}}
=> 200 OK
metadata.generation: 2
metadata.labels: null
spec.ephemeralContainers:
- image: busybox:1
  imagePullPolicy: IfNotPresent
  name: debug
  resources: {}
  targetContainerName: c
  terminationMessagePath: /dev/termination-log
  terminationMessagePolicy: File

# It cannot be changed or taken away.
PATCH /api/v1/namespaces/default/pods/web/ephemeralcontainers
Content-Type: application/strategic-merge-patch+json
{"spec": {"ephemeralContainers": [{"name": "debug", "image": "busybox:2"}]}}
=> 422 Unprocessable Entity
apiVersion: v1
code: 422
details:
  causes:
  - field: spec.ephemeralContainers
    message: |
      Forbidden: existing ephemeral containers "debug" may not be changed
    reason: FieldValueForbidden
  kind: Pod
  name: web
kind: Status
message: |
  Pod "web" is invalid: spec.ephemeralContainers: Forbidden: existing ephemeral containers "debug" may not be changed
metadata: {}
reason: Invalid
status: Failure

PATCH /api/v1/namespaces/default/pods/web/ephemeralcontainers
Content-Type: application/strategic-merge-patch+json
show: -
{"spec": {"ephemeralContainers": [{"name": "c", "image": "busybox:1", "targetContainerName": "x", "ports": [{"containerPort": 80}]}]}}
=> 422 Unprocessable Entity

# More CPU, in place.
PATCH /api/v1/namespaces/default/pods/web/resize
Content-Type: application/strategic-merge-patch+json
show: metadata.generation spec.containers
{"spec": {"containers": [{"name": "c", "image": "web:2", "resources": {"requests": {"cpu": "2"}}}]}}
=> 200 OK
metadata.generation: 3
spec.containers:
- image: web:1
  imagePullPolicy: IfNotPresent
  name: c
  resources:
    requests:
      cpu: "2"
  terminationMessagePath: /dev/termination-log
  terminationMessagePolicy: File

# But not so that it becomes a pod of another class, or asks for less than something.
PATCH /api/v1/namespaces/default/pods/web/resize
Content-Type: application/json-patch+json
[{"op": "remove", "path": "/spec/containers/0/resources/requests/cpu"}]
=> 422 Unprocessable Entity
apiVersion: v1
code: 422
details:
  causes:
  - field: spec
    message: 'Invalid value: "Burstable": Pod QOS Class may not change as a result
      of resizing'
    reason: FieldValueInvalid
  - field: spec.containers[0].resources.requests
    message: 'Forbidden: resource requests cannot be removed'
    reason: FieldValueForbidden
  kind: Pod
  name: web
kind: Status
message: 'Pod "web" is invalid: [spec: Invalid value: "Burstable": Pod QOS Class may
  not change as a result of resizing, spec.containers[0].resources.requests: Forbidden:
  resource requests cannot be removed]'
metadata: {}
reason: Invalid
status: Failure

PATCH /api/v1/namespaces/default/pods/web/resize
Content-Type: application/json-patch+json
[{"op": "add", "path": "/spec/containers/-", "value": {"name": "d", "image": "d:1"}}]
=> 422 Unprocessable Entity
apiVersion: v1
code: 422
details:
  causes:
  - field: spec.containers
    message: 'Forbidden: containers may not be added or removed on resize'
    reason: FieldValueForbidden
  kind: Pod
  name: web
kind: Status
message: 'Pod "web" is invalid: spec.containers: Forbidden: containers may not be
  added or removed on resize'
metadata: {}
reason: Invalid
status: Failure

# The main path changes none of this.
PATCH /api/v1/namespaces/default/pods/web
Content-Type: application/json-patch+json
show: -
[{"op": "replace", "path": "/spec/containers/0/resources/requests/cpu", "value": "3"}]
=> 422 Unprocessable Entity

# A job is told from its pods when it is deleted.
POST /apis/batch/v1/namespaces/default/jobs
show: metadata.labels spec.selector spec.template.metadata
{"metadata": {"name": "once"}, "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "web:1"}]}}}}
=> 201 Created
metadata.labels:
  batch.kubernetes.io/controller-uid: UID
  batch.kubernetes.io/job-name: once
  controller-uid: UID
  job-name: once
spec.selector:
  matchLabels:
    batch.kubernetes.io/controller-uid: UID
spec.template.metadata:
  labels:
    batch.kubernetes.io/controller-uid: UID
    batch.kubernetes.io/job-name: once
    controller-uid: UID
    job-name: once

GET /apis/batch/v1/namespaces/default/jobs?fieldSelector=status.successful=0
show: names
=> 200 OK
names:
- once

DELETE /apis/batch/v1/namespaces/default/jobs/once
show: metadata.finalizers
=> 200 OK
Warning: 299 - "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning"
metadata.finalizers:
- orphan

# There are no components to tell of.
GET /api/v1/componentstatuses
show: names
=> 200 OK
names: []

POST /api/v1/componentstatuses
show: -
{"metadata": {"name": "x"}}
=> 405 Method Not Allowed
