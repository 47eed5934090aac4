{{- define "service.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "service.name" . }}
  labels:
    {{- include "service.labels" . | nindent 4 }}
    weft.dev/mesh: {{ ternary "enabled" "disabled" .Values.mesh.inject }}
  {{- with .Values.service.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: ClusterIP
  {{- if .Values.service.preferSameZone }}
  trafficDistribution: PreferClose
  {{- end }}
  selector: {{- include "service.selector" . | nindent 4 }}
  ports:
    - name: app
      port: {{ .Values.service.port }}
      targetPort: {{ .Values.service.targetPort }}
      appProtocol: {{ .Values.service.appProtocol }}
{{- end }}

{{- define "service.account" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "service.name" . }}
  labels: {{- include "service.labels" . | nindent 4 }}
  {{- with .Values.serviceAccount.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end }}

{{- define "service.autoscaler" -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ include "service.name" . }}
  labels: {{- include "service.labels" . | nindent 4 }}
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: {{ include "service.name" . }} }
  minReplicas: {{ .Values.autoscaling.minReplicas }}
  maxReplicas: {{ .Values.autoscaling.maxReplicas }}
  metrics:
    # Only the service's own container: the sidecar's usage would hide its load.
    - type: ContainerResource
      containerResource:
        name: cpu
        container: {{ include "service.name" . }}
        target: { type: Utilization, averageUtilization: {{ .Values.autoscaling.cpuPercent }} }
{{- end }}

{{- define "service.disruptionBudget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "service.name" . }}
  labels: {{- include "service.labels" . | nindent 4 }}
spec:
  maxUnavailable: {{ .Values.disruptionBudget.maxUnavailable }}
  # A broken pod must not keep a node from being drained.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels: {{- include "service.selector" . | nindent 6 }}
{{- end }}

{{- define "service.networkPolicy" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "service.name" . }}
  labels: {{- include "service.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels: {{- include "service.selector" . | nindent 6 }}
  policyTypes: [Ingress{{ if .Values.networkPolicy.egress.enabled }}, Egress{{ end }}]
  ingress:
    - ports: [{ port: {{ .Values.service.targetPort }} }]
      {{- with .Values.networkPolicy.from }}
      from: {{- toYaml . | nindent 8 }}
      {{- end }}
    {{- if .Values.mesh.inject }}
    - ports: [{ port: 9901 }]
      {{- with .Values.networkPolicy.metricsFrom }}
      from: {{- toYaml . | nindent 8 }}
      {{- end }}
    {{- end }}
  {{- with .Values.networkPolicy.egress }}
  {{- if .enabled }}
  egress:
    # Only the cluster's DNS.
    - ports: [{ port: 53, protocol: UDP }, { port: 53 }]
      to: {{- toYaml .dns | nindent 8 }}
    # The mesh: the control plane, and the pods of its namespaces.
    - ports: [{ port: 15012 }]
      to:
        - namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: {{ .controlPlaneNamespace }} } }
          podSelector: { matchLabels: { app.kubernetes.io/name: weft-control-plane } }
    - to:
        - namespaceSelector: { matchLabels: { weft.dev/inject: "true" } }
    {{- with .to }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
  {{- end }}
{{- end }}

{{/* All objects of a service. */}}
{{- define "service.manifests" -}}
{{- $parts := list "account" "service" "deployment" -}}
{{- if .Values.autoscaling.enabled }}{{ $parts = append $parts "autoscaler" }}{{ end -}}
{{- if .Values.disruptionBudget.enabled }}{{ $parts = append $parts "disruptionBudget" }}{{ end -}}
{{- if .Values.networkPolicy.enabled }}{{ $parts = append $parts "networkPolicy" }}{{ end -}}
{{- range $parts }}
---
{{ include (printf "service.%s" .) $ }}
{{- end }}
{{ include "service.contract" . }}
{{- end }}
