import { t } from "../i18n/index.ts";
import { Button, copyText } from "../ui/controls.tsx";
import { LinkIcon } from "../ui/icons.tsx";
import { toast } from "../ui/toast.tsx";

/** What is the viewer's own and not the view's. */
const OWN = ["lang", "theme"];

/** The address is the whole state of the screen: copied, it shows others the same. */
export function Share() {
  return (
    <Button
      aria-label={t("nav.share")}
      title={t("nav.share.title")}
      onClick={async () => {
        const address = new URL(window.location.href);
        for (const name of OWN) address.searchParams.delete(name);
        await copyText(address.href);
        toast(t("nav.shared"));
      }}
    >
      <LinkIcon />
      <span className="wide">{t("nav.share")}</span>
    </Button>
  );
}
