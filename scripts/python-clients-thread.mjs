// A thread that installs the Python clients and posts what `preparePythonClients` answers.
import { parentPort } from "node:worker_threads";
import { preparePythonClients } from "./python-clients.mjs";

parentPort?.postMessage(preparePythonClients());
