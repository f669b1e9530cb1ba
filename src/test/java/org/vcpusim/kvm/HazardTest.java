package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class HazardTest {
    @Test
    void whatHasACureNamesItAndWhatNoRunShowsSaysWhy() {
        assertEquals(
                List.of(
                        "O1 apicv.loadOnActivate visible",
                        "O2 accelEoi.notifySynic visible",
                        "O3 - visible",
                        "O4 - visible",
                        "O5 - visible",
                        "O6 - a bit too many costs exits until the next scan, and breaks no rule",
                        "O7 - the interrupt is the one that the table asks for at that moment, and breaks no rule",
                        "O8 rteWrite.scanBeforeService visible"),
                Arrays.stream(Hazard.values())
                        .map(h -> h + " " + (h.isCurable() ? h.toggle() : "-") + " "
                                + (h.isVisible() ? "visible" : h.unseen()))
                        .toList());
    }

    @Test
    void aMachineIsCuredOfWhatItsRulesSay() {
        Machine cured = Fixtures.apicvActive(1).with(Rules.UPSTREAM.with(Hazard.O8));

        assertEquals(
                List.of(Hazard.O8),
                Arrays.stream(Hazard.values()).filter(cured::cures).toList());
    }
}
