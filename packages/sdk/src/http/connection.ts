import {
  absolute,
  foldersOf,
  type SettingName,
  type Settings,
  settingOf,
} from "@steelyard/protocol/settings";
import { authorHeaders } from "../author.ts";
import type { LoadedSettings } from "../machine.ts";
import { VERSION } from "../version.ts";
import type { Identity } from "./identity.ts";
import { type Proxies, systemProxies } from "./proxy.ts";

/** How long and how often a kind of request is tried. */
export interface Patience {
  /** Tries after the first. */
  retries: number;
  /** Before the second try; each further wait is twice as long, up to the longest. */
  firstWaitMs: number;
  longestWaitMs: number;
  /** Of one try; 0: no limit. */
  timeoutMs: number;
}

/** A server and the way to it: plain data, so that threads can be given it. */
export interface Connection {
  baseUrl: string;
  apiKey: string;
  /** When there is one, access got with it stands in place of the key. */
  identity: Identity | undefined;
  /** Sent with every GraphQL request: who the run is for. */
  graphqlHeaders?: Readonly<Record<string, string>>;
  /** Beside the usual ones, on requests to the host of `baseUrl` and to no other. */
  headers: Readonly<Record<string, string>>;
  proxies: Proxies;
  /** `Proxy-Authorization` of the extra headers: for proxies, never for a server. */
  proxyAuthorization: string | undefined;
  /** False: any certificate will do. */
  checksCertificates: boolean;
  /** Files and folders of certificates to trust beside the usual ones. */
  certificates: readonly string[];
  graphql: Patience;
  fileStream: Patience;
  fileTransfer: Patience;
  /** Rows are sent compressed. */
  gzip: boolean;
}

/** The way to the server that the settings say; what is to be told about it goes to `warn`. */
export function connectionOf(
  { settings, machine }: Pick<LoadedSettings, "settings" | "machine">,
  apiKey: string,
  warn: (text: string) => void,
): Connection {
  const { warnings, ...system } = systemProxies(machine.environment);
  for (const warning of warnings) warn(warning);
  if (settings.insecureDisableSsl)
    warn(
      "certificates are not checked (WANDB_INSECURE_DISABLE_SSL): whoever is on the way can read your key and your data",
    );
  const headers: Record<string, string> = { "user-agent": `steelyard/${VERSION}` };
  let proxyAuthorization: string | undefined;
  for (const [name, value] of Object.entries(settings.extraHttpHeaders ?? {})) {
    if (name.toLowerCase() === "proxy-authorization") proxyAuthorization = value;
    else headers[name.toLowerCase()] = value;
  }
  const { SSL_CERT_FILE, SSL_CERT_DIR } = machine.environment;
  return {
    baseUrl: settings.baseUrl,
    apiKey,
    identity:
      settings.identityTokenFile === undefined
        ? undefined
        : {
            tokenFile: absolute(machine, settings.identityTokenFile),
            credentialsFile: foldersOf(settings, machine).credentialsFile,
          },
    graphqlHeaders: authorHeaders(settings),
    headers,
    proxies: { forHttp: settings.httpProxy, forHttps: settings.httpsProxy, system },
    proxyAuthorization,
    checksCertificates: !settings.insecureDisableSsl,
    certificates: [SSL_CERT_FILE, SSL_CERT_DIR].filter(
      (path) => path !== undefined && path !== "",
    ) as string[],
    graphql: patienceOf(settings, "graphql"),
    fileStream: patienceOf(settings, "fileStream"),
    fileTransfer: patienceOf(settings, "fileTransfer"),
    gzip: !settings.fileStreamNoGzip,
  };
}

type Door = "graphql" | "fileStream" | "fileTransfer";

function patienceOf(settings: Settings, door: Door): Patience {
  const longestWaitMs = positive(settings, `${door}RetryWaitMax`) * 1000;
  return {
    retries: positive(settings, `${door}RetryMax`),
    firstWaitMs: Math.min(longestWaitMs, positive(settings, `${door}RetryWaitMin`) * 1000),
    longestWaitMs,
    timeoutMs: positive(settings, `${door}Timeout`) * 1000,
  };
}

/** The official client takes 0 and less for its default, so that retries cannot be switched off. */
export function positive(settings: Settings, name: SettingName): number {
  const value = Number(settings[name] ?? 0);
  return value > 0 ? value : Number(settingOf(name).default ?? 0);
}
