package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.check.BitWords;
import org.vcpusim.check.Vectors;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.TraceRecord;

/** What each side knew and did not know at the end of a story, as far as the story tells of it. */
final class Knowledge {
    private final Map<Integer, RedirectionEntry> pins = new TreeMap<>();
    private final Map<Integer, Vcpu> vcpus = new TreeMap<>();
    private final List<Write> writes = new ArrayList<>();

    /** A table write and the step of it. */
    private record Write(int sequence, int step, String text) {}

    /** What one vCPU knows, and what others know of it. */
    private static final class Vcpu {
        private int scanned = -1;
        private @Nullable VectorBitmap bitmap;
        private final Map<VcpuRequest, Integer> pending = new TreeMap<>();
        private final Map<Integer, Integer> posted = new TreeMap<>();
        private String found = "";

        /** What it knew. */
        Optional<String> known() {
            List<String> facts = new ArrayList<>();
            if (scanned >= 0) {
                facts.add("knew the table as of write " + scanned);
            }
            if (bitmap != null) {
                facts.add("had EOI_EXIT_BITMAP = " + StoryWords.vectors(bitmap));
            }
            return facts.isEmpty() ? Optional.empty() : Optional.of(String.join(" and ", facts));
        }

        /** What it did not know; {@code unseen} are the writes since its scan. */
        Optional<String> unknown(List<Write> unseen) {
            List<String> facts = new ArrayList<>();
            if (!unseen.isEmpty()) {
                Write last = unseen.get(unseen.size() - 1);
                facts.add("did not know of " + numbers(unseen) + " in step " + last.step + ", " + last.text);
            }
            pending.forEach((request, step) -> facts.add("had not seen " + request + ", made in step " + step));
            posted.forEach((vector, step) ->
                    facts.add("had not taken vector " + Vectors.hex(vector) + ", posted in step " + step));
            return facts.isEmpty() ? Optional.empty() : Optional.of(String.join(", and ", facts));
        }

        private static String numbers(List<Write> unseen) {
            int last = unseen.get(unseen.size() - 1).sequence;
            return unseen.size() == 1
                    ? "write " + last
                    : "writes " + unseen.get(0).sequence + " to " + last + ", the last one";
        }
    }

    /** Something happened in {@code step}. */
    void learn(TraceRecord record, int step) {
        Event event = record.event();
        if (event instanceof Event.RedirectionEntryWritten written) {
            pins.put(written.pin(), written.after());
            writes.add(new Write(
                    written.sequence(), step, "pin " + written.pin() + " is " + BitWords.entry(written.after())));
        } else if (event instanceof Event.RemoteIrrSet set) {
            pins.put(set.pin(), set.entry());
        } else if (event instanceof Event.RemoteIrrCleared cleared) {
            pins.put(cleared.pin(), cleared.entry());
        } else if (event instanceof Event.IoapicScanned scanned) {
            of(scanned.vcpu()).scanned = scanned.sequence();
        } else if (event instanceof Event.EoiExitmapLoaded loaded) {
            of(loaded.vcpu()).bitmap = loaded.bitmap();
        } else {
            learnOfOthers(event, step);
        }
    }

    private void learnOfOthers(Event event, int step) {
        if (event instanceof Event.IpiElided elided) {
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

    /** A sentence or two for each side. */
    List<String> sentences() {
        List<String> sentences = new ArrayList<>();
        if (!pins.isEmpty()) {
            sentences.add(pins.entrySet().stream()
                    .map(pin -> "pin " + pin.getKey() + " is " + BitWords.entry(pin.getValue()))
                    .collect(Collectors.joining("; ", "The IOAPIC: ", ".")));
        }
        vcpus.forEach((index, vcpu) -> {
            List<Write> unseen = writes.stream()
                    .filter(write -> vcpu.scanned >= 0 && write.sequence > vcpu.scanned)
                    .toList();
            String name = "vcpu" + index + " ";
            Optional<String> unknown = vcpu.unknown(unseen);
            vcpu.known()
                    .ifPresentOrElse(
                            known -> sentences.add(name + known
                                    + unknown.map(text -> "; it " + text).orElse("") + "."),
                            () -> unknown.ifPresent(text -> sentences.add(name + text + ".")));
            if (!vcpu.found.isEmpty()) {
                sentences.add(vcpu.found);
            }
        });
        return sentences;
    }
}
