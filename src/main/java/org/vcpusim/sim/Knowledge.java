package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.TraceRecord;

/** What each side knew and did not know at the end of a story. */
final class Knowledge {
    private final Map<Integer, Vcpu> vcpus = new TreeMap<>();
    private final List<Write> writes = new ArrayList<>();

    /** A table write and the step of it. */
    private record Write(int sequence, int step, String text) {}

    /** What one vCPU knows, and what others know of it. */
    private static final class Vcpu {
        private boolean ran;
        private int scanned = -1;
        private final Map<VcpuRequest, Integer> pending = new TreeMap<>();
        private final Map<Integer, Integer> posted = new TreeMap<>();
        private String found = "";
    }

    /** Something happened in {@code step}. */
    void learn(TraceRecord record, int step) {
        Event event = record.event();
        if (event instanceof Event.RedirectionEntryWritten written) {
            writes.add(new Write(
                    written.sequence(), step, "pin " + written.pin() + " is " + StoryWords.entry(written.after())));
        } else if (event instanceof Event.IoapicScanned scanned) {
            of(scanned.vcpu()).scanned = scanned.sequence();
        } else if (event instanceof Event.GuestEntered entered) {
            of(entered.vcpu()).ran = true;
        } else if (event instanceof Event.IpiElided elided) {
            of(elided.vcpu()).found =
                    "In step " + step + " vcpu" + elided.vcpu() + " was found in " + elided.mode() + " and got no IPI.";
        } else if (event instanceof Event.IpiSent sent) {
            of(sent.vcpu()).found =
                    "In step " + step + " vcpu" + sent.vcpu() + " was sent an IPI, " + sent.vector() + ".";
        } else if (event instanceof Event.RequestMade made) {
            of(made.vcpu()).pending.putIfAbsent(made.flow().request(), step);
        } else if (event instanceof Event.RequestSeen seen) {
            of(seen.vcpu()).pending.remove(seen.flow().request());
        } else if (event instanceof Event.PostedInterruptSet set) {
            of(set.vcpu()).posted.putIfAbsent(set.vector(), step);
        } else if (event instanceof Event.PostedInterruptsSynced synced) {
            synced.taken().vectors().forEach(of(synced.vcpu()).posted::remove);
        }
    }

    private Vcpu of(int index) {
        return vcpus.computeIfAbsent(index, i -> new Vcpu());
    }

    /** A sentence for each thing that one side knew and another did not. */
    List<String> sentences() {
        List<String> sentences = new ArrayList<>();
        vcpus.forEach((index, vcpu) -> {
            if (!vcpu.ran) {
                return;
            }
            writes.stream()
                    .filter(write -> vcpu.scanned >= 0 && write.sequence > vcpu.scanned)
                    .forEach(write -> sentences.add("vcpu" + index + " knew the table as of write " + vcpu.scanned
                            + "; it did not know of write " + write.sequence + " in step " + write.step + ": "
                            + write.text + "."));
            vcpu.pending.forEach((request, step) ->
                    sentences.add("vcpu" + index + " had not seen " + request + ", made in step " + step + "."));
            vcpu.posted.forEach((vector, step) -> sentences.add("vcpu" + index + " had not taken vector "
                    + StoryWords.hex(vector) + ", posted in step " + step + "."));
            if (!vcpu.found.isEmpty()) {
                sentences.add(vcpu.found);
            }
        });
        return sentences;
    }
}
