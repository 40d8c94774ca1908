import { screen } from "../ui/screen.tsx";

/** Each is a file that comes when it is first shown. */
export const Login = screen(() => import("../session/Login.tsx"));
export const SignUp = screen(() => import("../session/SignUp.tsx"));
export const Authorize = screen(() => import("../session/Authorize.tsx"));
export const DeviceLogin = screen(() => import("../session/DeviceLogin.tsx"));
export const Settings = screen(() => import("../session/Settings.tsx"));
export const OpenLink = screen(() => import("../session/OpenLink.tsx"), null);
export const Home = screen(() => import("../home/Home.tsx"));
export const Entity = screen(() => import("../home/Entity.tsx"));
export const Project = screen(() => import("../workspace/Project.tsx"));
export const Run = screen(() => import("../run/Run.tsx"));
