{{/*
What the jobs below make for one service, as JSON; nothing where its role and schema are there already.
*/}}
{{- define "service.databaseSetup" -}}
{{- $database := .Values.database -}}
{{- if and $database.schema $database.setup.secret -}}
{{- $role := dict "role" $database.schema "schema" $database.schema "secret" (include "service.databaseSecret" .) -}}
{{- dict
  "name" (include "service.name" .)
  "labels" (include "service.labels" . | fromYaml)
  "roles" (dict "database" $database.name "iam" $database.iam "roles" (list $role))
  "credentials" (not (or $database.iam $database.secret))
  "admin" $database.setup.secret
  "hook" true
  "database" $database
  "image" (include "service.setupImage" .)
  "pullPolicy" .Values.image.pullPolicy
  "pullSecrets" .Values.image.pullSecrets
  "resources" $database.setup.resources
  | toJson -}}
{{- end -}}
{{- end }}

{{/*
The jobs of images/database-setup. They take a chart's context and Setup: name, labels, roles (what the program reads), credentials
(whether Secrets with passwords are made), admin (the administrator's Secret), hook (whether the database is there before the release),
database (host, port, tls, caConfigMap), image, pullPolicy, pullSecrets, resources.
*/}}
{{- define "databaseSetup.manifests" -}}
{{- if .Setup.credentials }}{{ include "databaseSetup.credentials" . }}{{ end }}
---
{{ include "databaseSetup.provision" . }}
{{- end }}

{{/*
Makes the Secrets with database passwords where there are none, so that no password is in a value, a manifest or Helm's own records. It
may make Secrets and read none.
*/}}
{{- define "databaseSetup.credentials" -}}
{{- $setup := .Setup -}}
{{- $name := printf "%s-credentials" $setup.name }}
{{- range $index, $kind := list "ServiceAccount" "Role" "RoleBinding" "Job" }}
---
apiVersion: {{ get (dict "ServiceAccount" "v1" "Job" "batch/v1") $kind | default "rbac.authorization.k8s.io/v1" }}
kind: {{ $kind }}
metadata:
  name: {{ $name }}
  labels: {{- toYaml $setup.labels | nindent 4 }}
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
    helm.sh/hook-weight: "{{ sub $index 20 }}"
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- if eq $kind "ServiceAccount" }}
automountServiceAccountToken: false
{{- else if eq $kind "Role" }}
rules:
  - { apiGroups: [""], resources: [secrets], verbs: [create] }
{{- else if eq $kind "RoleBinding" }}
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: {{ $name }} }
subjects:
  - { kind: ServiceAccount, name: {{ $name }}, namespace: {{ $.Release.Namespace }} }
{{- else }}
spec:
  backoffLimit: 3
  activeDeadlineSeconds: 300
  template:
    metadata:
      labels:
        app.kubernetes.io/name: {{ $name }}
        app.kubernetes.io/instance: {{ $.Release.Name }}
        weft.dev/inject: "false"
    spec:
      {{- include "databaseSetup.pod" $ | nindent 6 }}
      serviceAccountName: {{ $name }}
      automountServiceAccountToken: true
      containers:
        - name: credentials
          args: [credentials, {{ $setup.roles | toJson | quote }}]
          env:
            - { name: NODE_EXTRA_CA_CERTS, value: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt }
          {{- include "databaseSetup.container" $ | nindent 10 }}
{{- end }}
{{- end }}
{{- end }}

{{/*
Makes roles and schemas as the administrator: before the services where the database is there already. For a database of the same release
it is no hook, as a hook that comes after the services would wait for services that wait for it.
*/}}
{{- define "databaseSetup.provision" -}}
{{- $setup := .Setup -}}
{{- $database := $setup.database -}}
{{- $passwords := not $setup.roles.iam -}}
apiVersion: batch/v1
kind: Job
metadata:
  {{- if $setup.hook }}
  name: {{ $setup.name }}-database-setup
  {{- else }}
  # A job is immutable, so a changed setup is a new job.
  name: {{ $setup.name }}-database-setup-{{ dict "setup" $setup.roles "image" $setup.image "database" $database | toJson | sha256sum | trunc 8 }}
  {{- end }}
  labels: {{- toYaml $setup.labels | nindent 4 }}
  {{- if $setup.hook }}
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
    helm.sh/hook-weight: "-10"
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
  {{- end }}
spec:
  backoffLimit: 3
  activeDeadlineSeconds: 600
  template:
    metadata:
      labels:
        app.kubernetes.io/name: {{ $setup.name }}-database-setup
        app.kubernetes.io/instance: {{ .Release.Name }}
        app.kubernetes.io/part-of: {{ .Chart.Name }}
        weft.dev/inject: "false"
    spec:
      {{- include "databaseSetup.pod" . | nindent 6 }}
      automountServiceAccountToken: false
      containers:
        - name: setup
          args: [provision, {{ $setup.roles | toJson | quote }}, /etc/weft/passwords]
          env:
            - { name: PGHOST, value: {{ required "database.host must name the server" $database.host | quote }} }
            - { name: PGPORT, value: {{ $database.port | default 5432 | quote }} }
            - { name: PGUSER, valueFrom: { secretKeyRef: { name: {{ $setup.admin }}, key: username } } }
            - { name: PGPASSWORD, valueFrom: { secretKeyRef: { name: {{ $setup.admin }}, key: password } } }
            - { name: PGSSLMODE, value: {{ ternary "verify-full" "disable" (default false $database.tls) }} }
            {{- if $database.caConfigMap }}
            - { name: NODE_EXTRA_CA_CERTS, value: /etc/weft/database/ca.pem }
            {{- end }}
          {{- include "databaseSetup.container" . | nindent 10 }}
          volumeMounts:
            {{- if $passwords }}
            - { name: passwords, mountPath: /etc/weft/passwords, readOnly: true }
            {{- end }}
            {{- if $database.caConfigMap }}
            - { name: database-ca, mountPath: /etc/weft/database, readOnly: true }
            {{- end }}
      volumes:
        {{- if $passwords }}
        - name: passwords
          projected:
            sources:
              {{- range $setup.roles.roles }}
              - secret:
                  name: {{ .secret }}
                  items:
                    - { key: username, path: {{ .secret }}/username }
                    - { key: password, path: {{ .secret }}/password }
              {{- end }}
        {{- end }}
        {{- with $database.caConfigMap }}
        - name: database-ca
          configMap: { name: {{ . }} }
        {{- end }}
{{- end }}

{{- define "databaseSetup.pod" -}}
restartPolicy: Never
enableServiceLinks: false
securityContext: {{- include "service.podSecurity" . | nindent 2 }}
{{- with .Setup.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "databaseSetup.container" -}}
image: {{ .Setup.image }}
imagePullPolicy: {{ .Setup.pullPolicy }}
resources: {{- toYaml .Setup.resources | nindent 2 }}
securityContext: {{- include "service.containerSecurity" . | nindent 2 }}
terminationMessagePolicy: FallbackToLogsOnError
{{- end }}
