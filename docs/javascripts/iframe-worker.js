// Browsers start no worker for a page that is read from a disk, and without one there is
// no search. A hidden frame does the same: messages go in and out by events.
if (location.protocol === "file:") {
  const workers = (window.frameWorkers = []);

  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const number = workers.push(this) - 1;
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.ready = new Promise((done) => this.frame.addEventListener("load", done));
      const out = `parent.frameWorkers[${number}]`;
      this.frame.srcdoc = `
        <script>
          postMessage = (data) =>
            ${out}.dispatchEvent(new MessageEvent("message", { data }));
        </script>
        <script src="${new URL(url, location.href)}"></script>`;
      document.body.append(this.frame);
    }

    async postMessage(data) {
      await this.ready;
      const inside = this.frame.contentWindow;
      inside.dispatchEvent(new inside.MessageEvent("message", { data }));
    }

    terminate() {
      this.frame.remove();
    }
  };
}
