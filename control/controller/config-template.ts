/** What the template of an ε-CON can vary; the defaults are those of the reference. */
export interface ControllerTemplateValues {
  readonly controllerUrl?: string;
  readonly domainRegisterUrl?: string;
  readonly persistenceFilename?: string;
  /** Empty: no metrics page. */
  readonly metricsUrl?: string;
}

/** A complete configuration file of an ε-CON (TOML) with comments. */
export function controllerTemplate(values: ControllerTemplateValues = {}): string {
  const {
    controllerUrl = "http://127.0.0.1:7001",
    domainRegisterUrl = "http://127.0.0.1:7002",
    persistenceFilename = "controller.save",
    metricsUrl = "http://127.0.0.1:7013",
  } = values;
  return `# Where clients reach this controller.
controller_url = ${JSON.stringify(controllerUrl)}
# Where orchestrators register their domains.
domain_register_url = ${JSON.stringify(domainRegisterUrl)}
# Folder of the state that outlives the process ("": none). The file of a controller of the EDGELESS
# reference is taken over and renamed.
persistence_filename = ${JSON.stringify(persistenceFilename)}
# Longest wait for an orchestrator, milliseconds: to start a component, and to stop or wire one.
start_timeout_ms = 25000
call_timeout_ms = 5000

[telemetry]
# Prometheus page /metrics ("": none).
metrics_url = ${JSON.stringify(metricsUrl)}
`;
}
