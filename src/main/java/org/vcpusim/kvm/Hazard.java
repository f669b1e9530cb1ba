package org.vcpusim.kvm;

import java.util.Arrays;
import java.util.Optional;

/**
 * Something that Linux, as it is modelled, does today and that can go wrong: found by analysis, not by a report. A machine
 * may be given the cure of some.
 */
public enum Hazard {
    /** A bitmap that was loaded, or was not, while APICv was inactive is stale when APICv comes back. */
    O1("The bitmap may be stale when APICv comes back, until the next scan", "apicv.loadOnActivate"),
    /** An EOI-induced exit for a vector of the SynIC does not tell the sources. */
    O2("Sources of the SynIC are not told of an EOI that the processor carried out", "accelEoi.notifySynic"),
    /** An entry whose vector is rewritten while it is in service waits for an EOI that will not match. */
    O3("A vector that is rewritten in service leaves remote IRR set", ""),
    /** A level interrupt that nobody took sets remote IRR. */
    O4("A level interrupt without a destination sets remote IRR, which nobody will end", ""),
    /** An edge interrupt with the same vector makes a level interrupt's EOI one of an edge. */
    O5("A vector shared by edge and level is ended as what came last", ""),
    /** Of two vectors kept because they were pending, only the EOI of the highest asks for a scan. */
    O6(
            "Of several stale vectors only the highest asks for a scan when it ends",
            "",
            "a bit too many costs exits until the next scan, and breaks no rule"),
    /** Between the writes of its two halves an entry is a mixture. */
    O7(
            "An interrupt can follow an entry of which one half is new",
            "",
            "the interrupt is the one that the table asks for at that moment, and breaks no rule"),
    /** A table write interrupts the new target before it asks for the scan. */
    O8("A new target can end the interrupt before its bitmap has the vector", "rteWrite.scanBeforeService");

    private final String title;
    private final String toggle;
    private final String unseen;

    Hazard(String title, String toggle) {
        this(title, toggle, "");
    }

    Hazard(String title, String toggle, String unseen) {
        this.title = title;
        this.toggle = toggle;
        this.unseen = unseen;
    }

    /** What happens, one sentence without a full stop. */
    public String title() {
        return title;
    }

    /** The rule that would cure it, as a dotted name; empty where there is none to switch on. */
    public String toggle() {
        return toggle;
    }

    /** Why no run shows it; empty where one does. */
    public String unseen() {
        return unseen;
    }

    /** Whether some run shows it. */
    public boolean isVisible() {
        return unseen.isEmpty();
    }

    /** The one that is called {@code name}, in any case. */
    public static Optional<Hazard> of(String name) {
        return Arrays.stream(values())
                .filter(hazard -> hazard.name().equalsIgnoreCase(name))
                .findFirst();
    }

    /** The same if it has a cure. */
    static Optional<Hazard> curable(String name) {
        return of(name).filter(Hazard::isCurable);
    }

    /** Whether a machine can be given the cure. */
    public boolean isCurable() {
        return !toggle.isEmpty();
    }
}
