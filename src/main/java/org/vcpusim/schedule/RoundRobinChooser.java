package org.vcpusim.schedule;

/** The actor that has been ready longest: all take turns. */
public enum RoundRobinChooser implements Chooser {
    ROUND_ROBIN;

    @Override
    public int choose(Ready ready) {
        return 0;
    }
}
